// DescribeConfigs: the settings of a topic or a broker.

import type { Api } from "../api.ts";
import { onlyElement } from "./only_element.ts";

export interface DescribeConfigsRequest {
  readonly resource: "topic" | "broker";
  /** The topic's name, or the broker's id. */
  readonly name: string;
  readonly settings: readonly string[];
}

export interface DescribeConfigsResponse {
  readonly errorCode: number;
  readonly values: ReadonlyMap<string, string>;
}

/** DescribeConfigs, version 1, for one resource. */
export const describeConfigs: Api<DescribeConfigsRequest, DescribeConfigsResponse> = {
  name: "DescribeConfigs",
  key: 32,
  versionMin: 1,
  versionMax: 1,
  flexibleFrom: 4,
  encode(writer, { resource, name, settings }) {
    writer.arrayLength(1);
    writer.int8(resource === "topic" ? TOPIC : BROKER);
    writer.string(name);
    writer.arrayLength(settings.length);
    for (const setting of settings) writer.string(setting);
    writer.boolean(false); // include synonyms
  },
  decode(reader) {
    reader.int32(); // throttle time
    return onlyElement(reader.array(11, () => {
      const errorCode = reader.int16();
      reader.nullableString(); // error message
      reader.int8(); // resource type
      reader.string(); // resource name
      const values = new Map<string, string>();
      reader.array(10, () => {
        const name = reader.string();
        const value = reader.nullableString();
        reader.int8(); // read only
        reader.int8(); // source
        reader.int8(); // sensitive
        reader.array(5, () => {
          reader.string();
          reader.nullableString();
          reader.int8();
        });
        if (value !== null) values.set(name, value);
      });
      return { errorCode, values };
    }));
  },
};

const TOPIC = 2;
const BROKER = 4;
