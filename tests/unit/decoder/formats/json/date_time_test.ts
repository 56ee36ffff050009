// Dates, times and intervals become ISO 8601; infinities and BC values stay as PostgreSQL prints them.

import { assertJson, assertMalformed } from "../../../../support/write_value.ts";

const NO_TIME = [
  "",
  "10:30",
  "10:30:0",
  "10:30:00.",
  "10:30:00.1234567",
  "1:30:00",
  "10-30-00",
  "10:30:00 ",
  "1é:30:00",
];

Deno.test("timestamptz is UTC with a Z", () => {
  assertJson("timestamptz", [
    ["2023-10-15 10:30:00+00", '"2023-10-15T10:30:00Z"'],
    ["2023-10-15 10:30:00.123456+00", '"2023-10-15T10:30:00.123456Z"'],
    ["0001-01-01 00:00:00.1+00", '"0001-01-01T00:00:00.1Z"'],
    ["294276-12-31 23:59:59.999999+00", '"294276-12-31T23:59:59.999999Z"'],
  ]);
});

Deno.test("timestamp has no zone", () => {
  assertJson("timestamp", [
    ["2023-10-15 10:30:00", '"2023-10-15T10:30:00"'],
    ["2023-10-15 10:30:00.000001", '"2023-10-15T10:30:00.000001"'],
    ["10000-01-01 00:00:00", '"10000-01-01T00:00:00"'],
  ]);
});

Deno.test("infinities and BC values are as PostgreSQL prints them", () => {
  for (const type of ["timestamptz", "timestamp", "date", "interval"]) {
    assertJson(type, [["infinity", '"infinity"'], ["-infinity", '"-infinity"']]);
  }
  assertJson("timestamptz", [["0044-03-15 12:00:00.5+00 BC", '"0044-03-15 12:00:00.5+00 BC"']]);
  assertJson("timestamp", [["4713-01-01 00:00:00 BC", '"4713-01-01 00:00:00 BC"']]);
  assertJson("date", [["0044-03-15 BC", '"0044-03-15 BC"']]);
});

Deno.test("timestamps of other settings or forms are refused", () => {
  const wrong = [
    "",
    "2023-10-15",
    "2023-10-15T10:30:00",
    "23-10-15 10:30:00",
    "Sun Oct 15 10:30:00 2023",
    "infinit",
    "infinity ",
  ];
  assertMalformed("timestamp", [
    ...wrong,
    ...NO_TIME.map((time) => `2023-10-15 ${time}`),
    "2023-10-15 10:30:00+00",
    "2023-10-15 10:30:00 AD",
    "12345678-10-15 10:30:00",
    "2023-1-15 10:30:00",
  ]);
  assertMalformed("timestamptz", [
    ...wrong,
    ...NO_TIME.map((time) => `2023-10-15 ${time}+00`),
    "2023-10-15 10:30:00",
    "2023-10-15 10:30:00+02",
    "2023-10-15 10:30:00+00:00",
    "2023-10-15 10:30:00+0",
    "2023-10-15 10:30:00+00 B",
    "2023-10-15 10:30:00 BC",
  ]);
});

Deno.test("date and time are as printed", () => {
  assertJson("date", [["2023-10-15", '"2023-10-15"'], ["5874897-12-31", '"5874897-12-31"']]);
  assertJson("time", [
    ["10:30:00", '"10:30:00"'],
    ["24:00:00", '"24:00:00"'],
    ["23:59:59.999999", '"23:59:59.999999"'],
  ]);
  assertMalformed("date", [
    "",
    "2023-10-1",
    "2023/10/15",
    "15.10.2023",
    "2023-10-15 ",
    "2023-10-15 BCE",
    "-2023-10-15",
  ]);
  assertMalformed("time", [...NO_TIME, "10:30:00+00"]);
});

Deno.test("timetz has its offset in ISO 8601's extended form", () => {
  assertJson("timetz", [
    ["10:30:00+00", '"10:30:00Z"'],
    ["10:30:00.5+02", '"10:30:00.5+02:00"'],
    ["24:00:00-12", '"24:00:00-12:00"'],
    ["10:30:00+05:30", '"10:30:00+05:30"'],
    ["10:30:00-00:30", '"10:30:00-00:30"'],
    ["24:00:00-15:59:59", '"24:00:00-15:59:59"'],
  ]);
  assertMalformed("timetz", [
    "10:30:00",
    "10:30:00Z",
    "10:30:00+2",
    "10:30:00+02:",
    "10:30:00+02:3",
    "10:30:00+02-30",
  ]);
  assertMalformed("timetz", [
    "10:30:00+02:30:15:00",
    "10:30:00 02",
    "10:30:00+ab",
    ...NO_TIME.map((time) => `${time}+00`),
  ]);
});

Deno.test("interval is an ISO 8601 duration as PostgreSQL prints it", () => {
  assertJson(
    "interval",
    [
      "PT0S",
      "P1Y2M3DT4H5M6.789S",
      "P-1Y-3DT4H2M",
      "PT-0.5S",
      "P178000000Y",
      "P1MT-1S",
      "PT-2562047788H-54.775807S",
    ]
      .map((text) => [text, `"${text}"`] as const),
  );
  assertMalformed("interval", [
    "",
    "P",
    "PT",
    "P1",
    "P1DT",
    "P1H",
    "PT1D",
    "P1DT1HT1S",
    "P--1D",
    "P1.D",
    "1 day",
    "01:00:00",
  ]);
  assertMalformed("interval", ['P1D"', "P1D ", "PX", "P1é", "@ 1 day"]);
});
