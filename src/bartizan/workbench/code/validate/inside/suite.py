"""Inside the sandbox: copies the tree to where it may be written, runs its tests, and says which passed.

Standard library and, where it is there, pytest; Python 3.8 or later.
"""

import json
import os
import shutil
import sys
import unittest


def with_pytest(pytest):
    passed, seen = [], []

    class Listener:
        def pytest_runtest_logreport(self, report):
            if report.when == "call":
                seen.append(report.nodeid)
                if report.passed:
                    passed.append(report.nodeid)
            elif report.when == "setup" and report.failed:
                seen.append(report.nodeid)

    pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir=.", "-o", "addopts=", "--continue-on-collection-errors"], plugins=[Listener()])
    return passed, seen


def with_unittest():
    passed, seen = [], []

    class Result(unittest.TextTestResult):
        def startTest(self, test):
            seen.append(test.id())
            super().startTest(test)

        def addSuccess(self, test):
            passed.append(test.id())
            super().addSuccess(test)

    suite = unittest.TestSuite()
    for pattern in ("test_*.py", "*_test.py", "tests.py"):
        suite.addTests(unittest.defaultTestLoader.discover(".", pattern=pattern))
    unittest.TextTestRunner(resultclass=Result, verbosity=0).run(suite)
    return passed, seen


def main():
    shutil.copytree("/tree", "/tmp/tree")
    os.chdir("/tmp/tree")
    sys.path[:0] = ["/tmp/tree", "/tmp/tree/src"]
    sys.argv = ["tests"]
    try:
        import pytest
    except ImportError:
        pytest = None
    passed, seen = with_pytest(pytest) if pytest else with_unittest()
    sys.stdout.write("\n@tests " + json.dumps({"passed": passed[:5000], "seen": len(seen)}) + "\n")
    sys.stdout.flush()
    os._exit(0)


main()
