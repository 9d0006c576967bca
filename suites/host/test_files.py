from roadworthy.cases.host_files import (
    ContentCase,
    FilesCase,
    PathModeCase,
    PathOwnerCase,
    TreeModeCase,
    TreeOwnerCase,
    TreesCase,
)
from roadworthy.check import check
from roadworthy.rules import files as rules

INSIDE = ("HOST-REACH", "HOST-SUDO")
STAT = "sudo stat -c '%A %a %U:%G %N' {name}"
SORTS = "sudo find {name} -printf '%y %m %u:%g\\n' | sort | uniq -c"


@check(
    "FILE-THERE",
    severity="high",
    expects="files.paths",
    after=INSIDE,
    source="inode(7)",
    by_hand=STAT,
    repair="Put it there from the release or from the configuration management, or take away what must not be there.",
)
def test_the_promised_paths_are_there(files: FilesCase) -> None:
    """A file that is missing is noticed when it is first needed; one that should be gone, by somebody else."""
    faults = rules.not_there(files.seen, files.expected)
    assert not faults, "; ".join(faults)


@check(
    "FILE-OWNER",
    severity="high",
    expects="files.paths",
    after=(*INSIDE, "FILE-THERE"),
    source="chown(1); path_resolution(7)",
    by_hand=STAT,
    repair="chown OWNER:GROUP PATH, and find out what left it so: a command that somebody ran as root.",
)
def test_paths_belong_to_whom_they_should(files: PathOwnerCase) -> None:
    """The owner may change the file, and its mode: who owns a program's configuration can be the program."""
    faults = rules.owned_by_others(files.seen, files.expected)
    assert not faults, "; ".join(faults)


@check(
    "FILE-MODE",
    severity="high",
    expects="files.paths",
    after=(*INSIDE, "FILE-THERE"),
    source="chmod(1); CIS Controls v8, 3.3",
    by_hand=STAT,
    repair="chmod MODE PATH.",
)
def test_paths_have_their_mode(files: PathModeCase) -> None:
    """A bit too many lets others read secrets or change what is run; a bit too few, and it can't be used."""
    faults = rules.wrong_modes(files.seen, files.expected)
    assert not faults, "; ".join(faults)


@check(
    "FILE-CONTENT",
    severity="high",
    expects="files.paths",
    after=(*INSIDE, "FILE-THERE"),
    source="FIPS 180-4 (SHA-256)",
    by_hand="sudo sha256sum {name}",
    repair="Compare it with the released one, and put that in its place.",
)
def test_files_hold_what_they_should(files: ContentCase) -> None:
    """A file that was edited by hand is one that the next release overwrites, or that nobody knows of."""
    faults = rules.other_contents(files.seen, files.expected)
    assert not faults, "; ".join(faults)


@check(
    "TREE-THERE",
    severity="high",
    expects="files.trees",
    after=INSIDE,
    source="path_resolution(7)",
    by_hand="sudo ls -ld {name}",
    repair="Deploy it, or put the link that leads there right.",
)
def test_the_promised_trees_are_there(files: TreesCase) -> None:
    """A tree that is not where it should be was deployed elsewhere, or its link leads to a release that is gone."""
    faults = rules.no_trees(files.seen, files.expected)
    assert not faults, "; ".join(faults)


@check(
    "TREE-OWNER",
    severity="high",
    expects="files.trees",
    after=(*INSIDE, "TREE-THERE"),
    source="Laravel, Deployment: directory permissions; chown(1)",
    by_hand=SORTS,
    repair="chown -R OWNER:GROUP TREE, and run what left it so (artisan, composer, npm) as that user from then on.",
)
def test_trees_belong_to_whom_they_should(files: TreeOwnerCase) -> None:
    """One log or cache file that root left behind is one that the application can't write: a 500 hours later."""
    faults = rules.trees_of_others(files.seen, files.expected)
    assert not faults, "; ".join(faults)


@check(
    "TREE-MODE",
    severity="high",
    expects="files.trees",
    after=(*INSIDE, "TREE-THERE"),
    source="Laravel, Deployment: directory permissions; chmod(1)",
    by_hand=SORTS,
    repair="find TREE -type d -exec chmod MODE {} +; and the same with -type f. 777 is never the answer.",
)
def test_trees_have_their_modes(files: TreeModeCase) -> None:
    """What all the world may write, any broken process on the machine can fill with a program of its own."""
    faults = rules.tree_modes(files.seen, files.expected)
    assert not faults, "; ".join(faults)
