// What ships pg-capture: workflows, image, compose files, systemd unit, Kubernetes manifests.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { isPostgresMajor } from "../../../dev/servers/postgres_binaries.ts";
import { missingProgram } from "../../../dev/servers/tools.ts";
import { isVariableName } from "../../../src/config/variables.ts";
import { VERSION } from "../../../src/version.ts";
import { parseDockerfile } from "../../support/image.ts";
import { optionalTest } from "../../support/optional.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const WORKFLOWS = ["test", "release", "rebuild", "security"].map((name) => `.github/workflows/${name}.yml`);

Deno.test("every action is pinned to a commit, with its version beside it, the same everywhere", () => {
  const pins = new Map<string, string>();
  for (const path of WORKFLOWS) {
    for (const [, action, rest] of read(path).matchAll(/uses: ([\w-]+\/[\w-]+)(?:\/[\w-]+)?(@.*)/g)) {
      match(rest!, /^@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${path}: ${action}`);
      strictEqual(rest, pins.get(action!) ?? rest, `${path}: ${action}`);
      pins.set(action!, rest!);
    }
  }
  ok(pins.size > 8);
});

Deno.test("no workflow has a right that its jobs don't name", () => {
  for (const path of WORKFLOWS) match(read(path), /^permissions:( \{\}|\n {2}contents: read\n)/m, path);
  strictEqual(read(WORKFLOWS[0]!).match(/: write/), null);
});

Deno.test("every workflow that there is is looked at here", () => {
  const names = [...Deno.readDirSync(`${ROOT}.github/workflows`)].map(({ name }) =>
    `.github/workflows/${name}`
  );
  deepStrictEqual(names.sort(), WORKFLOWS.toSorted());
});

Deno.test("a release writes nowhere before all its jobs have passed, the tests among them", () => {
  const [, text] = read(".github/workflows/release.yml").split("\njobs:\n");
  const jobs = new Map(
    text!.split(/^ {2}(?=\w)/m).filter((job) => job !== "").map((job) => [job.split(":", 1)[0]!, job]),
  );
  const { publish, ...others } = Object.fromEntries(jobs);
  const [, needs] = /^ {4}needs: \[(.+)\]$/m.exec(publish!)!;
  deepStrictEqual(needs!.split(", ").sort(), Object.keys(others).sort());
  match(others["tests"]!, /uses: \.\/\.github\/workflows\/test\.yml\n/);
  for (const [name, job] of Object.entries(others)) {
    ok(!/: write|push: true|gh release|docker\/login/.test(job), name);
    if (name !== "tests") match(job, /^ {4}needs: (tests|executables)$/m, name);
  }
});

Deno.test("base images are named by digest", () => {
  const images = [...read("Dockerfile").matchAll(/^FROM (?:--\S+ )?(\S+)/gm)].map(([, image]) => image!);
  strictEqual(images.length, 2);
  for (const image of images) match(image, /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
  match(read(".github/dependabot.yml"), /package-ecosystem: docker\n/);
  match(read(".github/workflows/rebuild.yml"), /schedule:\n/);
});

Deno.test("each fuzzer runs in a workflow", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const fuzzers = Object.keys(tasks).filter((name) => name.startsWith("fuzz"));
  const [, list] = /task: (\[.+\])/.exec(read(".github/workflows/security.yml"))!;
  deepStrictEqual(JSON.parse(list!).sort(), fuzzers.sort());
});

Deno.test("the versions of PostgreSQL that are tested are those that are supported", () => {
  const [, list] = /postgres: \[([^\]]+)\]/.exec(read(WORKFLOWS[0]!)) ?? [];
  const majors: readonly number[] = JSON.parse(`[${list}]`).map(Number);
  const supported = Array.from({ length: 30 }, (_, major) => major).filter(isPostgresMajor);
  deepStrictEqual(majors, supported);
});

Deno.test("Deno is of one version everywhere", () => {
  const paths = [
    ".ci/run",
    "README.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "docker-compose.test.yml",
    ...WORKFLOWS,
  ];
  const versions = paths.flatMap((path) =>
    [...read(path).matchAll(/(?:deno@|deno:(?:bin-)?|deno-version: |Deno )(\d+\.\d+\.\d+)/g)].map((
      [, version],
    ) => version)
  );
  ok(versions.length > 6);
  strictEqual(new Set(versions).size, 1, versions.join());
});

Deno.test("the image is not root's, has a health check without a shell, and stops by SIGTERM", () => {
  const { uid, gid, env, volume, entrypoint, healthcheck, stopSignal } = parseDockerfile(read("Dockerfile"));
  ok(uid > 0 && gid > 0);
  strictEqual(env["STATE_DIRECTORY"], volume);
  strictEqual(healthcheck[0], entrypoint[0]);
  strictEqual(stopSignal, "SIGTERM");
});

Deno.test("nothing but what is built goes to the image's builder, and all that the Dockerfile copies does", () => {
  const [everything, ...kept] = read(".dockerignore").split("\n").filter((line) => /^[^#]/.test(line));
  strictEqual(everything, "*");
  const copied = [...read("Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) =>
    files!.split(" ")
  );
  deepStrictEqual(kept.map((line) => line.replace(/^!/, "")).sort(), copied.sort());
});

Deno.test("what compose mounts is there, and each port is open to this machine only", () => {
  const text = read("docker-compose.yml");
  for (const [, path] of text.matchAll(/\.\/([\w./-]+):\//g)) {
    ok(Deno.statSync(`${ROOT}${path}`).isFile, path!);
  }
  const ports = [...text.matchAll(/ports: \["([^"]+)"\]/g)].map(([, port]) => port!);
  ok(ports.length > 4);
  for (const port of ports) match(port, /^127\.0\.0\.1:/);
});

Deno.test("pg-capture's settings in compose and in Kubernetes are settings", () => {
  const compose = read("docker-compose.yml").split("  pg-capture:\n")[1]!.split("\n\n")[0]!;
  const block = /environment:\n((?: {6}.*\n)+)/.exec(compose)![1]!;
  const map = read("deploy/kubernetes/configmap.yaml").split("\ndata:\n")[1]!;
  const names = [...`${block}${map}`.matchAll(/^ +(\w+):/gm)].map(([, name]) => name!);
  ok(names.length > 8);
  for (const name of names) ok(isVariableName(name), name);
});

Deno.test("Kubernetes runs this version, and asks what both replicas answer", () => {
  const text = read("deploy/kubernetes/deployment.yaml");
  match(text, new RegExp(`image: pg-capture:${VERSION.replaceAll(".", "\\.")}$`, "m"));
  deepStrictEqual([...text.matchAll(/path: (\/\w+), port/g)].map(([, path]) => path), [
    "/healthz",
    "/healthz",
  ]);
  match(text, /maxSurge: 0, maxUnavailable: 1/);
});

Deno.test("the unit starts again after a crash, not after what needs a person", () => {
  const text = read("deploy/systemd/pg-capture.service");
  for (
    const line of [
      "Restart=on-failure",
      "RestartPreventExitStatus=2 3",
      "DynamicUser=yes",
      "StateDirectory=pg-capture",
      "LimitCORE=0",
      "UMask=0077",
    ]
  ) {
    ok(text.includes(`\n${line}\n`), line);
  }
});

optionalTest("systemd takes the unit", missingProgram("systemd-analyze"), async () => {
  // Verification wants the program to be there.
  const folder = await Deno.makeTempDir();
  const unit = read("deploy/systemd/pg-capture.service").replace("/usr/local/bin/pg-capture", "/bin/true");
  await Deno.writeTextFile(`${folder}/pg-capture.service`, unit);
  const { success, stderr } = await output("systemd-analyze", ["verify", `${folder}/pg-capture.service`]);
  await Deno.remove(folder, { recursive: true });
  deepStrictEqual({ success, stderr }, { success: true, stderr: "" });
});

optionalTest("kubectl puts the manifests together", missingProgram("kubectl"), async () => {
  const { success, stdout } = await output("kubectl", ["kustomize", `${ROOT}deploy/kubernetes`]);
  ok(success);
  const kinds = [...stdout.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind!);
  deepStrictEqual(kinds.sort(), ["ConfigMap", "Deployment", "PodDisruptionBudget", "Secret", "Service"]);
});

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

async function output(command: string, args: string[]) {
  const result = await new Deno.Command(command, { args, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success: result.success, stdout: text(result.stdout), stderr: text(result.stderr) };
}
