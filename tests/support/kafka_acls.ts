// Kafka's access rules: read from documents as kafka-acls.sh takes them, and applied to a real broker.

import { strict as assert } from "node:assert";
import kafkajs from "kafkajs";
import type { AclEntry, Admin } from "kafkajs";

/** One operation that is allowed on one resource. */
export interface Rule {
  readonly principal: string;
  readonly operation: string;
  readonly resource: "topic" | "transactional-id" | "cluster";
  readonly name: string;
  readonly isPrefix: boolean;
}

/** The rules of all kafka-acls.sh commands in the text, one for each operation; `\` joins lines. */
export function rulesIn(text: string): readonly Rule[] {
  const commands = text.replaceAll(/\\\n\s*/g, " ").match(/^kafka-acls\.sh .*$/gm) ?? [];
  return commands.flatMap(rulesOf);
}

function rulesOf(command: string): Rule[] {
  const words = command.match(/"[^"]*"|\S+/g)?.map((word) => word.replaceAll('"', "")) ?? [];
  const after = (option: string) =>
    words.flatMap((word, index) => word === option ? [words[index + 1] ?? ""] : []);
  const [principal] = after("--allow-principal");
  assert(principal !== undefined && words.includes("--add"), command);
  const [topic] = after("--topic");
  const [transactionalId] = after("--transactional-id");
  assert(topic !== undefined || transactionalId !== undefined || words.includes("--cluster"), command);
  const target = topic !== undefined
    ? { resource: "topic" as const, name: topic }
    : transactionalId !== undefined
    ? { resource: "transactional-id" as const, name: transactionalId }
    : { resource: "cluster" as const, name: "kafka-cluster" };
  const isPrefix = after("--resource-pattern-type")[0] === "prefixed";
  return after("--operation").map((operation) => ({ principal, operation, ...target, isPrefix }));
}

/** Makes these rules the only ones. */
export async function setRules(admin: Admin, rules: readonly Rule[]): Promise<void> {
  const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = kafkajs;
  await admin.deleteAcls({
    filters: [{
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    }],
  });
  const acl = rules.map(({ principal, operation, resource, name, isPrefix }): AclEntry => ({
    principal,
    host: "*",
    operation: AclOperationTypes[OPERATIONS[operation] ?? assert.fail(operation)],
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: AclResourceTypes[RESOURCES[resource]],
    resourceName: name,
    resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  }));
  if (acl.length > 0) await admin.createAcls({ acl });
  // The broker's authorizer follows the metadata log.
  await new Promise((resolve) => setTimeout(resolve, 500));
}

const OPERATIONS: Readonly<Record<string, keyof typeof kafkajs.AclOperationTypes>> = {
  Read: "READ",
  Write: "WRITE",
  Create: "CREATE",
  Describe: "DESCRIBE",
  DescribeConfigs: "DESCRIBE_CONFIGS",
};

const RESOURCES = { topic: "TOPIC", "transactional-id": "TRANSACTIONAL_ID", cluster: "CLUSTER" } as const;
