from roadworthy.cases.database import DatabaseCase, LagCase, MarkerCase, ReplicaLagCase
from roadworthy.check import check
from roadworthy.rules import database_replication as rules

INSIDE = ("DB-ANSWERS", "DB-LOGIN", "DB-NAME")
PSQL = 'psql "host={host} port={port} user={user} dbname={name}"'
MYSQL = "mysql -h {host} -P {port} -u {user} -p"
RS_STATUS = "mongosh 'mongodb://{host}:{port}/admin' --tls --eval 'rs.status()' --username {user} --password"
REPLICAS = {
    "postgresql": PSQL + " -c 'TABLE pg_stat_replication'",
    "mysql": MYSQL + " -e 'SHOW PROCESSLIST'",
    "mariadb": MYSQL + " -e 'SHOW PROCESSLIST'",
    "mongodb": RS_STATUS,
}
UPSTREAM = {
    "postgresql": PSQL + " -c 'TABLE pg_stat_wal_receiver'",
    "mysql": MYSQL + " -e 'SHOW REPLICA STATUS\\G'",
    "mariadb": MYSQL + " -e 'SHOW ALL REPLICAS STATUS\\G'",
    "mongodb": RS_STATUS,
}


@check(
    "DB-ROLE",
    severity="critical",
    expects="database.role",
    after=INSIDE,
    source="PostgreSQL manual, Hot Standby, pg_is_in_recovery; MySQL super_read_only; MongoDB hello",
    by_hand={
        "postgresql": PSQL + " -c 'SELECT pg_is_in_recovery(), current_setting($$default_transaction_read_only$$)'",
        "mysql": MYSQL + " -e 'SELECT @@read_only, @@super_read_only'",
        "mariadb": MYSQL + " -e 'SELECT @@read_only'",
        "mongodb": "mongosh --host {host} --port {port} --tls --eval 'db.hello()'",
    },
    repair="After a failover let the name lead to the new primary; set a replica read-only (super_read_only).",
)
def test_the_database_has_its_role(database: DatabaseCase) -> None:
    """A primary that takes no writes stops the application; a replica that takes them tears the data apart."""
    assert database.expected.role is not None
    faults = rules.other_role(database.seen, database.expected.role)
    assert not faults, "; ".join(faults)


@check(
    "DB-REPLICAS",
    severity="high",
    expects="database.replicas",
    after=(*INSIDE, "DB-ROLE"),
    source="PostgreSQL manual, pg_stat_replication; MySQL Checking Replication Status; MongoDB replSetGetStatus",
    by_hand=REPLICAS,
    repair="Look at the log of the replica that is missing: the primary's log may be gone from under it, or its login.",
)
def test_the_replicas_stream(database: DatabaseCase) -> None:
    """A replica that has fallen off serves old data, and is no help on the day that the primary is lost."""
    assert database.expected.replicas is not None
    faults = rules.missing_replicas(database.seen, database.expected.replicas)
    assert not faults, "; ".join(faults)


@check(
    "DB-REPLICA-LAG",
    severity="medium",
    expects="database.replicas",
    after=(*INSIDE, "DB-ROLE", "DB-REPLICAS"),
    source="PostgreSQL manual, pg_stat_replication (replay_lag); MongoDB manual, Replication Lag",
    by_hand=REPLICAS,
    repair="Look for long queries on the replica that hold back what it applies, and for a slow disk or network.",
)
def test_no_replica_is_far_behind(database: ReplicaLagCase) -> None:
    """What a replica has not applied is not seen by those who read there, and is lost with the primary."""
    faults = rules.late_replicas(database.seen, database.expected)
    assert not faults, "; ".join(faults)


@check(
    "DB-REPLICA-SET",
    severity="high",
    expects="database.replica_set",
    after=INSIDE,
    source="MongoDB manual, replSetName and connection strings (replicaSet)",
    by_hand={"mongodb": "mongosh --host {host} --port {port} --tls --eval 'db.hello().setName'"},
    repair="Start mongod with the set's name (replication.replSetName), and add it to the set.",
)
def test_the_server_belongs_to_its_replica_set(database: DatabaseCase) -> None:
    """A client that names a set refuses a server of another one, and a server of none loses what it alone had."""
    assert database.expected.replica_set is not None
    faults = rules.other_set(database.seen, database.expected.replica_set)
    assert not faults, "; ".join(faults)


@check(
    "DB-FOLLOWS",
    severity="high",
    expects="database.follows",
    after=(*INSIDE, "DB-ROLE"),
    following=True,
    source="PostgreSQL manual, pg_stat_wal_receiver; MySQL SHOW REPLICA STATUS; MongoDB replSetGetStatus",
    by_hand=UPSTREAM,
    repair="Read the last error there and in the replica's log; where the primary's log is gone, set it up anew.",
)
def test_the_replica_follows(database: DatabaseCase) -> None:
    """A replica whose replication has stopped answers on, with data that gets older every minute."""
    faults = rules.not_following(database.seen)
    assert not faults, "; ".join(faults)


@check(
    "DB-LAG",
    severity="medium",
    expects="database.follows",
    after=(*INSIDE, "DB-ROLE", "DB-FOLLOWS"),
    following=True,
    source="PostgreSQL pg_last_xact_replay_timestamp; MySQL SHOW REPLICA STATUS (Seconds_Behind_Source)",
    by_hand=UPSTREAM,
    repair="Look for long queries that hold back what it applies, a paused replay, and a slow disk.",
)
def test_the_replica_keeps_up(database: LagCase) -> None:
    """Who reads from a replica that is behind does not find what was just saved."""
    assert database.expected.max_lag is not None
    faults = rules.own_lag(database.seen, database.expected.max_lag)
    assert not faults, "; ".join(faults)


@check(
    "DB-MARKER",
    severity="high",
    expects="database.follows",
    after=(*INSIDE, "DB-ROLE", "DB-FOLLOWS", "DB-LAG"),
    source="PostgreSQL manual, Streaming Replication; MySQL manual, Replication",
    by_hand={
        "postgresql": PSQL + " -c 'TABLE roadworthy_markers'",
        "mysql": MYSQL + " -e 'TABLE roadworthy_markers' {name}",
        "mariadb": MYSQL + " -e 'TABLE roadworthy_markers' {name}",
    },
    repair="Is the replica one of this primary's? Compare what both say of replication (filters, names, delays).",
)
def test_what_is_written_arrives(marker: MarkerCase) -> None:
    """Both servers may say that all is well and mean another pair: only a row that arrives proves it."""
    assert marker.expected.marker is not None
    faults = rules.lost_markers(marker.seen, marker.expected, marker.expected.marker)
    assert not faults, "; ".join(faults)
