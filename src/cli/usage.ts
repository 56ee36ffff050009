// What `pg-capture --help` prints.

export const USAGE = `pg-capture [OPTIONS] [COMMAND]

  run        capture until stopped (the default)
  check      test everything \`run\` needs, change nothing; print each finding with the exact SQL or command that fixes it
  status     slot, lag, checkpoint and Kafka progress side by side (--json for programs)
  snapshot   ask a running pg-capture to re-send all rows of the named tables
  tail       print change events on standard output, no Kafka needed (temporary slot)
  teardown   drop the slot; with --publication and --progress these too; --yes to do it

  -c, --config FILE   TOML file; an environment variable wins over it
  -j, --json-logs     logs as JSON lines
  -v, --verbose       log level debug
      --json          check, status: print JSON
      --health        status: only whether the instance on METRICS_PORT is alive; exit 0, or 1 if not
  -h, --help          -V, --version
`;
