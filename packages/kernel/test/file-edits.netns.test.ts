import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileResource } from "@netkit/core";
import { expect, onTestFinished, test } from "vitest";
import { file } from "../src/kinds/file.ts";
import { sh, TestHost } from "./host.ts";

interface Edited {
  readonly host: TestHost;
  readonly before: FileResource;
  readonly after: FileResource;
  readonly content: () => string;
}

/** A file as planned, into which somebody has written a line. */
async function edited(edits: FileResource["edits"], edit: string): Promise<Edited> {
  const host = new TestHost();
  const directory = mkdtempSync(join(tmpdir(), "netkit-kernel-"));
  onTestFinished(() => {
    host[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, "hosts");
  const before: FileResource = {
    kind: "file",
    ns: "host",
    path,
    content: "1 localhost\n2 old\n",
    ...(edits === undefined ? {} : { edits }),
  };
  await host.handler.apply(host.creates(before));
  writeFileSync(path, edit);
  const after = { ...before, content: "1 localhost\n3 new\n" };
  return { host, before, after, content: () => readFileSync(path, "utf8") };
}

interface EditRule {
  readonly rule: string;
  readonly run: () => Promise<void>;
}

const mine = "0 mine\n1 localhost\n2 old\n";

const rules: readonly EditRule[] = [
  {
    rule: "keep: an edited file stays as it is, and one that wasn't edited is replaced",
    run: async () => {
      const { host, before, after, content } = await edited("keep", mine);
      await host.handler.apply(host.replaces(before, after));
      expect(content()).toBe(mine);
      await host.handler.apply(host.replaces(after, after));
      expect(content()).toBe(mine);
      writeFileSync(before.path, before.content);
      await host.handler.apply(host.replaces(before, after));
      expect(content()).toBe(after.content);
    },
  },
  {
    rule: "merge: lines go and come in an edited file, whatever else is in it, and undo brings it back",
    run: async () => {
      const { host, before, after, content } = await edited("merge", mine);
      const inode = statSync(before.path).ino;
      const undo = await host.handler.apply(host.replaces(before, after));
      expect(content()).toBe("0 mine\n1 localhost\n3 new\n");
      await undo();
      expect(content()).toBe(mine);
      await host.handler.apply(host.replaces(before, after));
      await host.handler.apply(host.replaces(before, after));
      expect(content(), "twice is once").toBe("0 mine\n1 localhost\n3 new\n");
      await host.handler.apply(host.replaces(after, before));
      expect(content()).toBe("0 mine\n1 localhost\n2 old\n");
      expect(statSync(before.path).ino).toBe(inode);
    },
  },
  {
    rule: "merge: a line that somebody took out doesn't come back, one without its line break gets it",
    run: async () => {
      const { host, before, after, content } = await edited("merge", "2 old\n0 mine");
      await host.handler.apply(host.replaces(before, before));
      expect(content()).toBe("2 old\n0 mine");
      await host.handler.apply(host.replaces(before, after));
      expect(content()).toBe("0 mine\n3 new\n");
    },
  },
  {
    rule: "keep: what a process left that died while it wrote is no edit",
    run: async () => {
      const { host, before, after, content } = await edited("keep", "1 localhost\n3 new\n\n\n\n");
      await host.handler.apply(host.replaces(before, after));
      expect(content()).toBe(after.content);
      writeFileSync(before.path, `${after.content}\n\n`);
      await host.handler.apply(host.replaces(after, before));
      expect(content()).toBe(before.content);
    },
  },
  {
    rule: "without edits the content is netkit's alone",
    run: async () => {
      const { host, before, after, content } = await edited(undefined, mine);
      await host.handler.apply(host.replaces(before, after));
      expect(content()).toBe(after.content);
    },
  },
  {
    rule: "its commands leave an edited file alone",
    run: async () => {
      const { host, before, after, content } = await edited("keep", mine);
      const change = host.handler.toShell(host.replaces(before, after)).join("\n");
      sh(change);
      expect(content()).toBe(mine);
      writeFileSync(before.path, before.content);
      sh(change);
      expect(content()).toBe(after.content);
    },
  },
];

// oxlint-disable-next-line vitest/expect-expect -- a rule asserts by itself
test.each(rules)("$rule", async ({ run }) => {
  await run();
});

const sound = { ...file };
const without = ({ kind, ns, path, content }: FileResource): FileResource => ({ kind, ns, path, content });
const merged = (resource: FileResource): FileResource =>
  resource.edits === undefined ? resource : { ...resource, edits: "merge" };

test.each([
  ["overwrites edits", "keep: an", (wanted: FileResource) => without(wanted)],
  ["overwrites edits", "merge: lines", (wanted: FileResource) => without(wanted)],
  ["merges what is to be kept", "keep: an", merged],
  ["keeps what is to be merged", "merge: lines", (wanted: FileResource) => ({ ...wanted, edits: "keep" as const })],
  ["keeps every edit", "without edits", (wanted: FileResource) => ({ ...wanted, edits: "keep" as const })],
] as const)("a file that %s is found out by: %s", async (_, killedBy, mutate) => {
  const rule = rules.find((candidate) => candidate.rule.startsWith(killedBy));
  onTestFinished(() => void Object.assign(file, sound));
  file.change = (tx, resource, previous, alias) => sound.change?.(tx, mutate(resource), previous, alias) === true;
  await expect(rule?.run()).rejects.toThrow(/./);
});
