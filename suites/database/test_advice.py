from roadworthy.cases.database import LoggedInCase
from roadworthy.check import check
from roadworthy.rules.advice_database import advice

MYSQL = "mysql -h {host} -P {port} -u {user} -p -e 'SELECT * FROM information_schema.innodb_trx'"


@check(
    "DB-ADVICE",
    severity="info",
    expects="database",
    after=("DB-ANSWERS", "DB-LOGIN", "DB-NAME"),
    source="PostgreSQL manual, Routine Vacuuming, Monitoring; MySQL manual, InnoDB Locking and Transactions; RFC 8996",
    by_hand={
        "postgresql": 'psql "host={host} port={port} user={user} dbname={name}" -c '
        "'SELECT pid, state, xact_start FROM pg_stat_activity WHERE xact_start IS NOT NULL'",
        "mysql": MYSQL,
        "mariadb": MYSQL,
        "mongodb": "mongosh 'mongodb://{host}:{port}/{name}' --tls --eval 'db.serverStatus()' "
        "--username {user} --password",
    },
    repair="Follow the advice, or promise in the target what is meant to be otherwise.",
)
def test_the_database_follows_best_practice(database: LoggedInCase) -> None:
    """What an administrator would look into before it becomes an outage: this never blocks unless it is asked to."""
    found = advice(database.seen, database.ask, database.expected)
    assert not found, "; ".join(found)
