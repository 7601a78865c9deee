import pytest

from bartizan.workbench.intel.extract import extract


def named(text):
    return [(one.kind, one.quote) for one in extract(text).entities]


@pytest.mark.parametrize("written", ["APT29", "APT 29", "APT-29", "Cozy Bear", "CozyBear", "NOBELIUM"])
def test_an_alias_leads_to_one_cluster(written):
    (one,) = extract(f"The intrusion was attributed to {written} last year.").entities
    assert (one.name, one.kind, one.quote) == ("APT29", "actor", written)
    assert one.id == extract("It was APT29.").entities[0].id


def test_a_name_that_is_a_word_needs_a_word_beside_it():
    assert named("The Maze ransomware spread.") == [("malware", "Maze")]
    assert named("In August we will play with Python and Tor in a maze.") == []


def test_a_name_in_a_list_with_a_known_one_is_believed():
    assert ("tool", "BloodHound") in named("They used Mimikatz and BloodHound.")


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("Activity of UNC9876 was seen.", "actor", "UNC9876"),
        ("The group known as Quilted Osprey returned.", "actor", "Quilted Osprey"),
        ("It installs the GrimPlume backdoor, and GrimPlume waits.", "malware", "GrimPlume"),
    ],
)
def test_a_new_name_is_found_by_how_it_is_given(text, kind, name):
    assert (kind, name) in named(text)


def test_a_vulnerability_says_whether_it_is_exploited():
    known, unknown = extract("It exploits CVE-2021-44228 and CVE-2021-99999.").entities
    assert known.exploited
    assert not unknown.exploited


def test_nothing_inside_an_address_is_a_name():
    assert named("see http://example.com/emotet/apt29 for more") == []
