// What to do about an error, as a value. Settings in it get their names when it is printed.

/** The section and key of a setting in the configuration file: `pg.slot_name`. */
export type SettingName = `${"pg" | "kafka" | "replication" | "snapshot" | "logging" | "metrics"}.${string}`;

/** A setting in a piece of advice. */
export interface Setting {
  readonly setting: SettingName;
}

/** Text with settings in it. */
export type Advice = string | readonly (string | Setting)[];

/** Refers to a setting in advice. */
export function setting(name: SettingName): Setting {
  return { setting: name };
}

/** A template for advice: `` advice`set ${setting("pg.host")} to the primary's address` ``. */
export function advice(
  texts: TemplateStringsArray,
  ...values: readonly (Advice | Setting | number)[]
): Advice {
  const parts: (string | Setting)[] = [texts[0]!];
  values.forEach((value, index) => {
    if (Array.isArray(value)) parts.push(...value);
    else parts.push(typeof value === "object" ? value as Setting : String(value));
    parts.push(texts[index + 1]!);
  });
  return parts;
}

/**
 * The advice as text.
 * @param nameOf returns the name of a setting for the reader; by default that of its variable
 */
export function adviceText(
  advice: Advice,
  nameOf: (setting: SettingName) => string = environmentName,
): string {
  if (typeof advice === "string") return advice;
  return advice.map((part) => typeof part === "string" ? part : nameOf(part.setting)).join("");
}

/** `PG_SLOT_NAME` for `pg.slot_name`. */
function environmentName(setting: SettingName): string {
  return setting.replace(".", "_").toUpperCase();
}

/**
 * What to do when changes are lost. The document describes the steps: a command that drops the slot is
 * appropriate only if the slot is invalidated.
 */
export const START_ANEW = advice`start anew with ${
  setting("snapshot.mode")
}=initial (docs/OPERATIONS.md, Start anew)`;
