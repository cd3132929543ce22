import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkCommand, findTool } from "../src/program.ts";

const folder = mkdtempSync(join(tmpdir(), "netkit-program-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "plain"), "", { mode: 0o644 });
writeFileSync(join(folder, "tool"), "#!/bin/sh\n");
chmodSync(join(folder, "tool"), 0o755);

const failure = (exitCode: number) =>
  expect.objectContaining({ code: "COMMAND", details: expect.objectContaining({ exitCode }) as unknown });

test.each(["", "no-such-program", "./no-such", `${folder}/none`, "tool/below"])("%j isn't found: 127", (command) => {
  expect(() => checkCommand(command, "/usr/bin:/bin", folder)).toThrow(failure(127));
});

test.each(["./plain", `${folder}/plain`, "/tmp", "plain"])("%j can't be executed: 126", (command) => {
  expect(() => checkCommand(command, `/bin:${folder}`, folder)).toThrow(failure(126));
});

test.each([
  ["./tool", "/bin"],
  ["tool", folder],
  ["tool", "/bin::/usr/bin"],
  ["sh", undefined],
])("%j is found along %j", (command, path) => {
  expect(() => checkCommand(command, path, folder)).not.toThrow();
});

test("a tool that is missing is named", () => {
  expect(findTool("sh")).toMatch(/^\/.*\/sh$/);
  expect(() => findTool("netkit-no-such-tool")).toThrow(expect.objectContaining({ code: "TOOL_MISSING" }));
});

test("the folders that npx puts before the others are no news", () => {
  expect(() => checkCommand("no-such-program", "/a/node_modules/.bin:/node_modules/.bin:/usr/bin:/bin")).toThrow(
    expect.objectContaining({ hint: "Commands are the host's, there are no images. It is in none of: /usr/bin:/bin." }),
  );
});
