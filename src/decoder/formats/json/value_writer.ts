// Chooses the function that writes the values of a PostgreSQL type as JSON (docs/TYPES.md).

import { CaptureError, unreachable } from "../../../core/errors.ts";
import type { PgType } from "../../../core/pg_type.ts";
import { arrayWriter } from "./array.ts";
import { writeBytea } from "./bytea.ts";
import { compositeWriter } from "./composite.ts";
import {
  writeDate,
  writeInterval,
  writeTime,
  writeTimestamp,
  writeTimestamptz,
  writeTimetz,
} from "./date_time.ts";
import { writeHstore } from "./hstore.ts";
import { jsonStringBytes, writeJsonString } from "./json_string.ts";
import { floatWriter, integerWriter, numericWriter } from "./number.ts";
import { writeBoolean, writeChar, writeJson } from "./scalar.ts";
import type { ValueWriter } from "./value_writer_type.ts";
import { writeVector } from "./vector.ts";

/** Far deeper than any real type. This protects the stack from an invalid catalog. */
const LEVELS_MAX = 64;

/** Built-in base types that are not written as strings, by `pg_type.typname`. */
const BASE_WRITERS: ReadonlyMap<string, ValueWriter> = new Map([
  ["int2", integerWriter("smallint")],
  ["int4", integerWriter("integer")],
  ["int8", integerWriter("bigint")],
  ["oid", integerWriter("oid")],
  ["float4", floatWriter("real")],
  ["float8", floatWriter("double precision")],
  ["numeric", numericWriter("numeric")],
  ["bool", writeBoolean],
  ["char", writeChar],
  ["json", writeJson],
  ["jsonb", writeJson],
  ["timestamptz", writeTimestamptz],
  ["timestamp", writeTimestamp],
  ["date", writeDate],
  ["time", writeTime],
  ["timetz", writeTimetz],
  ["interval", writeInterval],
  ["bytea", writeBytea],
]);

/** Base types of extensions that are not written as strings, by extension and type. */
const EXTENSION_WRITERS: ReadonlyMap<string, ValueWriter> = new Map([
  ["hstore.hstore", writeHstore],
  ["vector.vector", writeVector],
]);

/**
 * The writer for a type. It is created when a table's encoder is compiled and called for each value.
 *
 * @param older whether values may have been written before the last ALTER TYPE of a composite type
 * @throws CaptureError `decoding` if the type is nested deeper than 64 levels
 */
export function valueWriter(type: PgType, older: boolean): ValueWriter {
  return writerAt(type, 0, older);
}

function writerAt(type: PgType, level: number, older: boolean): ValueWriter {
  if (level > LEVELS_MAX) {
    throw new CaptureError(
      "decoding",
      `Cannot write a type as JSON: it is nested deeper than ${LEVELS_MAX} levels`,
    );
  }
  switch (type.kind) {
    case "base":
      return BASE_WRITERS.get(type.name) ?? writeJsonString;
    case "extension":
      return EXTENSION_WRITERS.get(`${type.extension}.${type.name}`) ?? writeJsonString;
    case "other":
    case "enum":
    case "range":
      return writeJsonString;
    case "domain":
      return writerAt(type.base, level + 1, older);
    case "array":
      return arrayWriter(writerAt(type.element, level + 1, older), type.delimiter.charCodeAt(0), level);
    case "composite":
      return compositeWriter(
        type.name ?? "composite",
        type.fields.map((field) => ({
          name: jsonStringBytes(field.name),
          value: writerAt(field.type, level + 1, older),
        })),
        level,
        older && type.onlyGrew === true,
      );
    default:
      return unreachable(type);
  }
}
