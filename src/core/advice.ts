// What to do about an error, as a value: whoever prints it decides what a setting is called.

/** A setting by its section and key in the configuration file, as `pg.slot_name`. */
export type SettingName = `${"pg" | "kafka" | "replication" | "logging" | "metrics"}.${string}`;

/** A setting in a piece of advice. */
export interface Setting {
  readonly setting: SettingName;
}

/** Text, with settings in it that have no name yet. */
export type Advice = string | readonly (string | Setting)[];

/** Names a setting in advice. */
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

/** The advice as text. @param nameOf what a setting is called where it is read */
export function adviceText(
  advice: Advice,
  nameOf: (setting: SettingName) => string = environmentName,
): string {
  if (typeof advice === "string") return advice;
  return advice.map((part) => typeof part === "string" ? part : nameOf(part.setting)).join("");
}

/** `pg.slot_name` is `PG_SLOT_NAME` in the environment. */
function environmentName(setting: SettingName): string {
  return setting.replace(".", "_").toUpperCase();
}
