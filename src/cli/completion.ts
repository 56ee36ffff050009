// Completion scripts for bash, zsh and fish, from the table of commands.

import { unreachable } from "../core/errors.ts";
import {
  COMMAND_NAMES,
  commandEntry,
  type CommandName,
  COMMON_OPTIONS,
  optionEntry,
  type OptionName,
  optionsOf,
  type SHELLS,
} from "./command_table.ts";

export type Shell = (typeof SHELLS)[number];

/** The script, to be sourced by the shell. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case "bash":
      return bash();
    case "zsh":
      return zsh();
    case "fish":
      return fish();
    default:
      return unreachable(shell);
  }
}

function bash(): string {
  const cases = COMMAND_NAMES.map((name) => `    ${name}) words="${wordsOf(name).join(" ")}" ;;`);
  return `# bash completion for pg-capture
_pg_capture() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" word words
  COMPREPLY=()
  if [[ "$previous" == -c || "$previous" == --config ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  [[ "$previous" == --where ]] && return
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      ${COMMAND_NAMES.join("|")}) command="$word"; break ;;
    esac
  done
  case "$command" in
${cases.join("\n")}
    *) words="${[...COMMAND_NAMES, ...flags(COMMON_OPTIONS)].join(" ")}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _pg_capture pg-capture
`;
}

function zsh(): string {
  const commands = COMMAND_NAMES.map((name) => `    '${name}:${commandEntry(name).summary}'`);
  const cases = COMMAND_NAMES.map((name) => {
    const argument = argumentsOf(name);
    const words = argument.length === 0 ? "" : ` '1:argument:(${argument.join(" ")})'`;
    return `    ${name}) _arguments ${optionsOf(name).map(zshOption).join(" ")}${words} ;;`;
  });
  return `#compdef pg-capture
# zsh completion for pg-capture
_pg_capture() {
  local -a commands
  local state line
  commands=(
${commands.join("\n")}
  )
  _arguments -C ${COMMON_OPTIONS.map(zshOption).join(" ")} '1: :->command' '*:: :->rest'
  case "$state" in
    command) _describe command commands ;;
    rest)
      case "$words[1]" in
${cases.map((line) => `    ${line}`).join("\n")}
      esac ;;
  esac
}
if [[ "$funcstack[1]" = _pg_capture ]]; then _pg_capture; else compdef _pg_capture pg-capture; fi
`;
}

function zshOption(name: OptionName): string {
  const { short, value, help } = optionEntry(name);
  const file = value === undefined ? "" : `:${value}:${value === "FILE" ? "_files" : " "}`;
  const long = `'--${name}[${help}]${file}'`;
  return short === undefined ? long : `'-${short}[${help}]${file}' ${long}`;
}

function fish(): string {
  const common = COMMON_OPTIONS.map((name) => `complete -c pg-capture ${fishOption(name)}`);
  const commands = COMMAND_NAMES.flatMap((name) => {
    const { summary, options } = commandEntry(name);
    const isUsed = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c pg-capture -f -n __fish_use_subcommand -a ${name} -d '${summary}'`,
      ...options.map((option) => `complete -c pg-capture ${isUsed} ${fishOption(option)}`),
      ...argumentsOf(name).map((word) => `complete -c pg-capture -f ${isUsed} -a ${word}`),
    ];
  });
  return `# fish completion for pg-capture\n${[...common, ...commands].join("\n")}\n`;
}

function fishOption(name: OptionName): string {
  const { short, value, help } = optionEntry(name);
  return `${short === undefined ? "" : `-s ${short} `}-l ${name}${
    value === undefined ? "" : " -r"
  } -d '${help}'`;
}

function wordsOf(command: CommandName): readonly string[] {
  return [...argumentsOf(command), ...flags(optionsOf(command))];
}

function argumentsOf(command: CommandName): readonly string[] {
  return command === "help" ? COMMAND_NAMES : commandEntry(command).choices ?? [];
}

function flags(names: readonly OptionName[]): readonly string[] {
  return names.flatMap((name) => {
    const { short } = optionEntry(name);
    return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
  });
}
