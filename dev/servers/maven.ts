// Fetches jars with Maven.

import { cached } from "./cache.ts";
import { tempFolder } from "./janitor.ts";
import { runTool } from "./tools.ts";

/** `group:artifact:version`. */
export type MavenArtifact = `${string}:${string}:${string}`;

const FETCH_TIMEOUT_MS = 600_000;

/**
 * Fetches artifacts and all they need into `folder`.
 * @param what for messages: `the jars of Kafka 4.1.0`
 * @throws DevServerError when Maven is missing or they can't be fetched
 */
export async function fetchJars(
  artifacts: readonly MavenArtifact[],
  folder: string,
  what: string,
  missingHint: string,
): Promise<void> {
  const project = await tempFolder("maven");
  await Deno.writeTextFile(`${project}/pom.xml`, pom(artifacts));
  await runTool({
    command: "mvn",
    args: [
      "--batch-mode",
      "--quiet",
      // Maven refuses a jar that is not what the repository's checksum says.
      "--strict-checksums",
      "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
      `-DoutputDirectory=${folder}`,
    ],
    cwd: project,
    purpose: `fetch ${what}`,
    missingHint,
    timeoutMs: FETCH_TIMEOUT_MS,
  });
  await Deno.remove(project, { recursive: true });
}

/** The folder of the cache that holds them, fetched when first asked for. */
export async function cachedJars(
  name: string,
  artifacts: readonly MavenArtifact[],
  what: string,
): Promise<string> {
  return await cached(name, (draft) => fetchJars(artifacts, draft, what, "Install Maven (mvn)."));
}

function pom(artifacts: readonly MavenArtifact[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(":");
    return `    <dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>\n`;
  });
  return `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>pg-capture</groupId>
  <artifactId>dev-jars</artifactId>
  <version>1</version>
  <dependencies>
${dependencies.join("")}  </dependencies>
</project>
`;
}
