import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory } from "./directory.ts";

const index = join(import.meta.dirname, "../src/index.ts");

/** Runs shell commands and pieces of script in a mount namespace of their own, where $DIR is a small file system. */
function onSmallDisk(sizeKib: number, steps: readonly (string | { readonly script: string })[]): unknown[] {
  const dir = directory();
  const prelude = `import { openSqliteStore } from ${JSON.stringify(index)};
    const path = process.env.DIR + "/state.db";
    const attempt = async (work) => { try { return await work(); } catch (error) { return [error.code, error.message, error.hint]; } };
    const say = (value) => console.log(JSON.stringify(value));`;
  const lines = steps.map((step) =>
    typeof step === "string" ? step : `"$NODE" --input-type=module-typescript --eval ${quote(prelude + step.script)}`,
  );
  const script = ["set -e", `mount -t tmpfs -o size=${sizeKib}k netkit-test "$DIR"`, ...lines].join("\n");
  const env = { ...process.env, DIR: dir, NODE: process.execPath };
  const out = execFileSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
    env,
    encoding: "utf8",
  });
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line.replaceAll(dir, "DIR")) as unknown);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const write = {
  script: `const store = openSqliteStore({ path });
  say(await store.commit({ checks: [], writes: [{ key: "a", value: 1 }] })); await store.close();`,
};
const remount = 'mount -o remount,ro "$DIR"';

test("a full disk is said to be full; what was there stays, and there is room again later", () => {
  const fill = {
    script: `const store = openSqliteStore({ path });
    const value = "x".repeat(50_000);
    let last; let n = 0;
    for (; n < 100 && !Array.isArray(last); n++) last = await attempt(() => store.commit({ checks: [], writes: [{ key: "k/" + n, value }] }));
    say(last);
    const kept = await store.range("k/");
    say(kept.length === n - 1 && n > 2 && kept.every((entry) => entry.value === value));
    await store.close();`,
  };
  expect(
    onSmallDisk(1024, [
      fill,
      'mount -o remount,size=4096k "$DIR"',
      {
        script: `const store = openSqliteStore({ path });
    say((await store.commit({ checks: [], writes: [{ key: "z", value: 1 }] })).committed); say((await store.get("z")).value); await store.close();`,
      },
    ]),
  ).toEqual([
    [
      "STATE_UNWRITABLE",
      "the state file DIR/state.db can't grow: the disk is full",
      "Free some space on the file system of DIR.",
    ],
    true,
    true,
    1,
  ]);
});

test("a disk that is full from the start is said to be full", () => {
  const fill = 'dd if=/dev/zero of="$DIR/ballast" bs=4k 2>/dev/null || true';
  expect(onSmallDisk(64, [fill, { script: `say(await attempt(() => openSqliteStore({ path })));` }])).toEqual([
    [
      "STATE_UNWRITABLE",
      "the state file DIR/state.db can't grow: the disk is full",
      "Free some space on the file system of DIR.",
    ],
  ]);
});

test("a read-only directory is said to be read-only, and can be read", () => {
  const script = `say(await attempt(() => openSqliteStore({ path })));
    const store = openSqliteStore({ path, readOnly: true });
    say(await store.get("a"));
    say(await attempt(() => store.commit({ checks: [], writes: [{ key: "a", value: 2 }] })));
    await store.close();`;
  expect(onSmallDisk(1024, [write, remount, { script }])).toEqual([
    { committed: true, revision: 1 },
    [
      "STATE_UNWRITABLE",
      expect.stringMatching(/^the state file DIR\/state.db can.t be written: EROFS/),
      expect.stringContaining("DIR"),
    ],
    { key: "a", value: 1, revision: 1 },
    ["STATE_UNWRITABLE", "the state file DIR/state.db was opened for reading only", expect.any(String)],
  ]);
});

test("a read-only directory without a state file is said to be read-only", () => {
  expect(onSmallDisk(1024, [remount, { script: `say(await attempt(() => openSqliteStore({ path })));` }])).toEqual([
    ["STATE_UNWRITABLE", expect.stringContaining("EROFS"), expect.stringContaining("DIR")],
  ]);
});

test("what a killed process had acknowledged can be read in a directory that became read-only", () => {
  const killed = {
    script: `const store = openSqliteStore({ path });
      say(await store.commit({ checks: [], writes: [{ key: "a", value: 1 }] })); process.kill(process.pid, "SIGKILL");`,
  };
  const read = {
    script: `const store = openSqliteStore({ path, readOnly: true }); say(await store.get("a")); await store.close();`,
  };
  expect(onSmallDisk(1024, ["set +e", killed, "set -e", 'test -s "$DIR/state.db-wal"', remount, read])).toEqual([
    { committed: true, revision: 1 },
    { key: "a", value: 1, revision: 1 },
  ]);
});
