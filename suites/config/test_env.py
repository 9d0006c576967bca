from roadworthy.cases.configuration import EnvCase, SecretValueCase
from roadworthy.check import check
from roadworthy.rules import configuration as rules
from roadworthy.rules import secrets

INSIDE = ("HOST-REACH", "HOST-SUDO")
READ = (*INSIDE, "ENV-READ")
FILLED = (*READ, "ENV-PLACEHOLDER", "ENV-REPEATED")
TWELVE_FACTOR = "The Twelve-Factor App, III. Config"
NAMES = "sudo grep -nE '^(export )?[A-Za-z_.]+=' {name} | cut -d= -f1   # keys alone"
VALUE = "sudo grep -nE '^(export )?(APP_DEBUG|APP_ENV)=' {name}   # the keys that are named"
LENGTHS = "sudo awk -F= '/^[A-Z]/ {{ print $1, length($0) - length($1) - 1 }}' {name}   # lengths alone"


@check(
    "ENV-READ",
    severity="critical",
    expects="env.files.path",
    after=INSIDE,
    source="phpdotenv 5, dotenv 18, compose-go: what each can't read",
    by_hand=NAMES,
    repair="Put the file there, or mend the line that is named: values with blanks need quotes, quotes must be closed.",
)
def test_the_configuration_can_be_read(env: EnvCase) -> None:
    """Without it an application starts with defaults that were made for a developer's desk, or does not start."""
    fault = rules.unreadable(env.expected.path, env.file.entry, env.file.text)
    assert not fault, fault


@check(
    "ENV-VALUE",
    severity="high",
    expects="env.files.has",
    after=FILLED,
    source=TWELVE_FACTOR,
    by_hand=VALUE,
    repair="Set the keys as promised, then load them: php artisan config:cache, or restart what reads the file.",
)
def test_the_configuration_says_what_is_promised(env: EnvCase) -> None:
    """APP_DEBUG=true shows every visitor the source and the secrets; another driver loses sessions and jobs."""
    faults = list(rules.other_values(env.expected.has or {}, env.text, env.expected.reader))
    assert not faults, env.told(faults)


@check(
    "ENV-REFUSED",
    severity="high",
    expects="env.files.isnt",
    after=FILLED,
    source=TWELVE_FACTOR,
    by_hand=VALUE,
    repair="Set the key to what production uses; a provider that only writes to a log tells nobody.",
)
def test_settings_are_none_of_a_developers_desk(env: EnvCase) -> None:
    """A message that is written to a console instead of being sent is never missed by the program that wrote it."""
    faults = list(rules.refused_values(env.expected.isnt or {}, env.text, env.expected.reader))
    assert not faults, env.told(faults)


@check(
    "ENV-SET",
    severity="high",
    expects="env.files.sets",
    after=FILLED,
    source=TWELVE_FACTOR,
    by_hand=LENGTHS,
    repair="Give the keys a value; compare the file with the release's .env.example.",
)
def test_needed_settings_are_set(env: EnvCase) -> None:
    """A key that a release needs and nobody set is noticed when the first customer needs it."""
    faults = list(rules.not_set(env.expected.sets or (), env.text))
    assert not faults, env.told(faults)


@check(
    "ENV-ABSENT",
    severity="medium",
    expects="env.files.absent",
    after=READ,
    source=TWELVE_FACTOR,
    by_hand=NAMES,
    repair="Take the keys out, and load the configuration anew.",
)
def test_settings_that_must_not_be_there_are_not(env: EnvCase) -> None:
    """A key that was left from another environment or another tool switches on what nobody watches."""
    there = [f"{key} is there" for key in env.expected.absent or () if key in env.text.keys]
    assert not there, env.told(there)


@check(
    "ENV-PLACEHOLDER",
    severity="critical",
    expects="env.files.no_placeholders",
    after=READ,
    source="CWE-1188: initialization with an insecure default; AWS Systems Manager, Parameter Store",
    by_hand=r"sudo grep -niE '=.*(<[a-z _-]+>|change.?me|your[_-]|xxx|\$\{{[a-z]+:|\{{\{{)' {name} | cut -d= -f1",
    repair="Fill the values in. Where a step of the deployment should have done so (SSM, Secrets Manager), find out "
    "why it did not: a role without rights, a name with a typing error.",
)
def test_nothing_is_left_to_be_filled_in(env: EnvCase) -> None:
    """What was not replaced is a value like any other: the application logs in with the password `<password>`."""
    left = [f"{one.key} (line {one.line}): {one.what}" for one in env.text.to_fill]
    assert not left, env.told(left)


@check(
    "ENV-REPEATED",
    severity="medium",
    expects="env.files.no_repeats",
    after=READ,
    source="phpdotenv 5, dotenv 18, compose-go: the last one counts; phpdotenv 2 and 3: the first one",
    by_hand="sudo grep -oE '^(export )?[A-Za-z_.]+=' {name} | sort | uniq -d",
    repair="Leave one of them; the last one is what counts now.",
)
def test_no_setting_is_there_twice(env: EnvCase) -> None:
    """Whoever edits the first of two lines changes nothing, and does not see why."""
    twice = [f"{one.key} has different values (lines {', '.join(map(str, one.lines))})" for one in env.text.repeated]
    assert not twice, env.told(twice)


@check(
    "ENV-SECRET-WEAK",
    severity="high",
    expects="env.files.secrets",
    after=(*FILLED, "ENV-SECRET-KNOWN"),
    source="RFC 7518 section 3.2 (HS256 takes 256 bits); NIST SP 800-131A; OWASP ASVS 5.0, 11.2.3",
    by_hand=LENGTHS,
    repair="Make a new one: openssl rand -hex 32; php artisan key:generate for APP_KEY. Whoever is logged in with a "
    "token of the old one is then logged out.",
)
def test_secrets_are_strong(env: EnvCase) -> None:
    """Who has one token signed with a short secret tries all secrets at home, and then signs tokens of any user."""
    faults = secrets.weak(env.expected.secrets or {}, env.text)
    assert not faults, env.told(faults)


@check(
    "ENV-SECRET-KNOWN",
    severity="critical",
    expects="env.files.secrets",
    after=FILLED,
    source="CWE-798: use of hard-coded credentials; CWE-1392: use of default credentials",
    by_hand=LENGTHS,
    repair="Make a new one (openssl rand -hex 32), and look through the logs for who used the old one.",
)
def test_secrets_are_known_to_nobody(env: EnvCase) -> None:
    """A default from a guide or a repository is tried by every scanner, and opens every account."""
    faults = secrets.known(env.expected.secrets or {}, env.text)
    assert not faults, env.told(faults)


@check(
    "ENV-SECRET-VALUE",
    severity="high",
    expects="env.files.secrets",
    after=(*FILLED, "ENV-SECRET-KNOWN", "ENV-SECRET-WEAK"),
    source="AWS Secrets Manager, rotation: what is rotated must reach whoever uses it",
    by_hand="sudo grep -E '^DB_PASSWORD=' {name} | cut -d= -f2- | tr -d '\\n' | sha256sum   # and of the store's",
    repair="Deploy the secret that is in the store; if it was rotated, find out why this host did not get it.",
)
def test_secrets_are_the_ones_of_the_store(env: SecretValueCase) -> None:
    """A host that missed a rotation works until its last open connection is closed."""
    faults = secrets.others(env.expected.secrets or {}, env.text)
    assert not faults, env.told(faults)


@check(
    "ENV-MODE",
    severity="high",
    expects="env.files.mode",
    after=READ,
    source="CWE-732: incorrect permission assignment; CIS Controls v8, 3.3",
    by_hand="sudo stat -c '%A %a %U:%G %n' {name}",
    repair="chmod 640 FILE; the web server's group may read it, nobody else. If others could, change the secrets.",
)
def test_the_configuration_is_not_for_everybody(env: EnvCase) -> None:
    """Every process on the host that is broken into reads what all the world may read."""
    faults = list(rules.exposed(env.expected.mode or (), env.entry, env.file.folder_mode, env.expected.path))
    assert not faults, "; ".join(faults)


@check(
    "ENV-OWNER",
    severity="medium",
    expects="env.files.owner",
    after=READ,
    source="chown(1); CWE-282: improper ownership management",
    by_hand="sudo stat -c '%A %a %U:%G %n' {name}",
    repair="chown OWNER FILE, and find out what left it so: a command that somebody ran as root.",
)
def test_the_configuration_belongs_to_whom_it_should(env: EnvCase) -> None:
    """The owner can give the file any mode and any value."""
    owner, promised = env.entry.owner, env.expected.owner or ()
    assert owner in promised, f"{env.expected.path} belongs to {owner}, promised {' or '.join(promised)}"
