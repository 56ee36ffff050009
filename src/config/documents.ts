// Makes the configuration's documents from the table: docs/CONFIGURATION.md and .envrc.example.

import { alternatives } from "./syntax.ts";
import { defaultText, type Section, SECTIONS, tomlPlace, type Variable } from "./variable.ts";
import { isSecret, VARIABLE_NAMES, type VariableName, VARIABLES } from "./variables.ts";

const TITLES: Readonly<Record<Section, string>> = {
  pg: "PostgreSQL",
  kafka: "Kafka",
  replication: "Replication",
  snapshot: "Snapshot",
  format: "Format",
  logging: "Logs",
  metrics: "Metrics, health and status page",
};

/** The text of docs/CONFIGURATION.md. */
export function configurationDocument(): string {
  const presence = (name: VariableName) => (VARIABLES[name] as Variable<unknown>).presence;
  const required = VARIABLE_NAMES.filter((name) => presence(name).kind === "required");
  const mostly = required.flatMap((name) => {
    const found = presence(name);
    return found.kind === "required" && found.unless !== undefined
      ? [`\n\n${code(name)} is not where ${found.unless}.`]
      : [];
  });
  const sections = sectionNames().map(([section, names]) =>
    `## ${TITLES[section]}\n\n\`[${section}]\` in the TOML file.\n\n${table(names)}`
  );
  return `# Configuration

<!-- Made by \`deno task docs:config\` from src/config/variables.ts. -->

Every setting is an environment variable, and the same name in lower case under a section of a TOML file.
Required are ${alternatives(required.map(code)).replace(" or ", " and ")}.${mostly.join("")}

${INTRODUCTION}
${sections.join("\n\n")}

${TABLE_RULES}`;
}

/** The text of .envrc.example: every variable, the required ones switched on. */
export function envrcExample(): string {
  const sections = sectionNames().map(([section, names]) =>
    `# --- ${TITLES[section]} ---\n\n${names.map(envrcLines).join("\n\n")}`
  );
  return `# Every variable of pg-capture, for direnv: copy to .envrc and run \`direnv allow\`.
# Without the word "export" the same lines make a .env file.
# Made by \`deno task docs:config\` from src/config/variables.ts.

${sections.join("\n\n")}
`;
}

const INTRODUCTION = `\`\`\`toml
[pg]
database = "mydb"
username = "replicator"
password_file = "/run/secrets/pg-password"
slot_name = "orders"

[kafka]
brokers = ["kafka-1:9092", "kafka-2:9092"]
\`\`\`

- An option on the command line wins over the environment, the environment over the file that \`-c FILE\` names,
  that file over the defaults.
- Without \`-c\`, \`.env\` in the working directory is that file, if it is this user's or root's and nobody else
  may write to it; else it is left out with a warning. The log says which file was read.
- \`NAME_FILE\` gives the path of a file that holds the value of \`NAME\`; a newline at its end doesn't count. It
  works for every variable and key, and is meant for secrets. A password is read again from its file for each
  new connection, and so are \`~/.pgpass\` and the files of \`PG_SSL_*\`. A value and its file in the same place
  are an error.
- An empty value is the same as none. In \`.env\`, a value with a \`#\` has to be in quotes.
- All that is wrong is reported at once, and the process ends with exit code 2. A name that is a slip away
  from one of these is wrong too.
- The state directory is \`$STATE_DIRECTORY\` (systemd sets it), else \`$XDG_STATE_HOME/pg-capture\`, else
  \`~/.local/state/pg-capture\`; on Windows \`%LOCALAPPDATA%\\pg-capture\`.
- \`KAFKA_BUFFER_MEMORY\` must be at least twice \`KAFKA_MAX_MESSAGE_BYTES\`: one batch is on its way while the
  next one fills.
- What is marked "not yet" is refused by this version.
`;

const TABLE_RULES = `## Table rules

In the TOML file only. The first rule that matches a table is its rule.

\`\`\`toml
[[tables]]
match = ["public.users", "sales.*"]
topic = "app.{schema}.{table}"
\`\`\`

${
  alignedTable([
    ["Key", "Default", "Meaning"],
    ["`match`", "required", "Tables that the rule is for: patterns as in PG_TABLES."],
    [
      "`topic`",
      "`{prefix}.{schema}.{table}`",
      "Their topic. Several tables may share one, if a rule says so.",
    ],
  ])
}

- In \`topic\`, \`{prefix}\` is KAFKA_TOPIC_PREFIX, \`{database}\` PG_DATABASE, \`{schema}\` and \`{table}\` are the
  table's. Names are escaped as in [OPERATIONS.md](OPERATIONS.md#topics); all else is letters, digits, \`.\`,
  \`_\` and \`-\`.
- A topic without \`{schema}\` or \`{table}\` collects tables. Between the two there has to be a dot: with
  \`{schema}_{table}\`, \`a.b_c\` and \`a_b.c\` would be one topic by accident.
- pg-capture's own topics (progress, \`message\`, \`dead-letter\`) are not for tables.
- A topic outside of the prefix needs access rules of its own where Kafka has an authorizer.
- A rule applies to changes that are in the WAL already. Records that were sent stay where they are.
`;

function sectionNames(): readonly (readonly [Section, readonly VariableName[]])[] {
  const sections = Object.keys(SECTIONS) as readonly Section[];
  return sections.map((
    section,
  ) => [section, VARIABLE_NAMES.filter((name) => tomlPlace(name).section === section)]);
}

function table(names: readonly VariableName[]): string {
  const rows = names.map((name) => {
    const variable: Variable<unknown> = VARIABLES[name];
    return [code(name), defaultCell(variable), variable.syntax.description, meaning(name)];
  });
  return alignedTable([["Variable", "Default", "Values", "Meaning"], ...rows]);
}

function defaultCell(variable: Variable<unknown>): string {
  if (variable.presence.kind === "required") return "required";
  const text = defaultText(variable);
  return text === undefined ? variable.defaultNote ?? "" : code(text);
}

function meaning(name: VariableName): string {
  const { help, onlyNow }: Variable<unknown> = VARIABLES[name];
  if (onlyNow === undefined) return help;
  return onlyNow.length === 0
    ? `${help} Not yet.`
    : `${help} Not yet: all but ${onlyNow.map(code).join(", ")}.`;
}

/** A table as `deno fmt` leaves it. */
function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [header = [], ...body] = rows;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

function envrcLines(name: VariableName): string {
  const variable: Variable<unknown> = VARIABLES[name];
  const { presence, syntax, example, defaultNote } = variable;
  const values = isSecret(name) ? "" : `\n# Values: ${syntax.description}.`;
  const fallback = defaultNote === undefined ? "" : ` Default: ${defaultNote}.`;
  const value = defaultText(variable) ?? example ?? "";
  const setting = `export ${name}=${/[^\w./:,-]/.test(value) ? `'${value}'` : value}`;
  const help = meaning(name).replaceAll("`", "");
  return `# ${help}${values}${fallback}\n${presence.kind === "required" ? "" : "# "}${setting}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
