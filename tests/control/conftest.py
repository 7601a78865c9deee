import pytest

from bartizan.control import Context, Descriptor, Factory, Opinion, Release, Segment
from bartizan.event import Tier


class Phrase:
    """A control that sees one word, or fails as told."""

    def __init__(self, name="phrase", word="kumquat", *, raises=None, blocks_on=None, **about):
        about.setdefault("phases", ("input", "output", "tool"))
        about.setdefault("layer", "input")
        self.descriptor = Descriptor(id=name, version="1", title=name, doc=name, categories=("blocked_phrase",), **about)
        self.word, self.raises, self.blocks_on = word, raises, blocks_on

    def judge(self, _phase, segments, calls, _context):
        if self.blocks_on is not None:
            self.blocks_on.wait(5)
        if self.raises is not None:
            raise self.raises
        texts = [s.text for s in segments] + [c.arguments for c in calls]
        return [Opinion(category="blocked_phrase", rule=self.word) for text in texts if self.word in text]


class Streaming(Phrase):
    """The same, holding everything from the word's first letter on."""

    def watch(self, _channel, _context):
        if self.raises == "watch":
            raise ValueError("no watch")
        return _Watch(self)


class _Watch:
    def __init__(self, control):
        self.control, self.text = control, ""

    def feed(self, text, *, final=False):
        self.text += text
        if isinstance(self.control.raises, Exception):
            raise self.control.raises
        word = self.control.word
        if word in self.text:
            return Release(upto=self.text.index(word), opinions=(Opinion(category="blocked_phrase", rule=word),))
        at = self.text.find(word[0])
        return Release(upto=len(self.text) if at < 0 or final else at)


@pytest.fixture
def phrase():
    return Phrase


@pytest.fixture
def streaming():
    return Streaming


@pytest.fixture
def factory():
    return lambda control, **more: Factory(descriptor=control.descriptor, build=lambda: control, **more)


@pytest.fixture
def context():
    def make(**changes):
        base = {"exchange": "ex", "tenant": "t", "account": "a", "principal": "p", "tier": Tier.PUBLIC, "model": "m", "actions": {}}
        return Context(**{**base, **changes})

    return make


@pytest.fixture
def segment():
    return lambda text, **more: Segment(**{"path": "$", "origin": "user", "channel": "text", "text": text, **more})
