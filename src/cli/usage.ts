// The help texts: of the program, and of each command. No line is longer than 80 characters.

import {
  COMMAND_NAMES,
  commandEntry,
  type CommandName,
  COMMON_OPTIONS,
  optionEntry,
  type OptionName,
} from "./command_table.ts";

/** What `pg-capture --help` prints. */
export const USAGE = `pg-capture [OPTIONS] [COMMAND]

${columns(COMMAND_NAMES.map((name) => [name, commandEntry(name).summary]))}

${optionLines(COMMON_OPTIONS)}

pg-capture help COMMAND shows the options of a command, and an example.
`;

/** What `pg-capture help COMMAND` prints. */
export function commandHelp(command: CommandName): string {
  const { description, options, argument, examples, more } = commandEntry(command);
  const own = options.length === 0 ? "" : `${optionLines(options)}\n\n`;
  return `pg-capture ${command} [OPTIONS]${argument === undefined ? "" : ` ${argument}`}

${description}

${own}${optionLines(COMMON_OPTIONS)}

Example:
${examples.map((example) => `  ${example}`).join("\n")}

Read more: ${more}
`;
}

function optionLines(names: readonly OptionName[]): string {
  return columns(names.map((name) => {
    const { short, value, help } = optionEntry(name);
    const long = `--${name}${value === undefined ? "" : ` ${value}`}`;
    return [short === undefined ? `    ${long}` : `-${short}, ${long}`, help];
  }));
}

function columns(rows: readonly (readonly [name: string, help: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`).join("\n");
}
