import fs, {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { directory } from "./directory.ts";
import { open, writing } from "./stores.ts";

describe("opening", () => {
  test("makes the directory and the file for their owner alone", async () => {
    const path = join(directory(), "a", "b", "state.db");
    await open({ path }).commit(writing({ a: 1 }));
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
  });

  describe.runIf(process.geteuid?.() === 0)("in a directory that another user could change", () => {
    const [nobody, everybody] = [65_534, 0o777];
    test.each([
      ["that is theirs", (path: string) => chownSync(path, nobody, nobody), `belongs to user ${nobody}`],
      ["that everybody can write", (path: string) => chmodSync(path, everybody), "can be written to by everybody"],
    ])("%s there is no state", (_, change, why) => {
      const folder = join(directory(), "theirs");
      mkdirSync(folder);
      change(folder);
      expect(() => open({ path: join(folder, "state.db") })).toThrow(
        expect.objectContaining({ code: "STATE_UNWRITABLE", message: expect.stringContaining(`${folder} ${why}`) }),
      );
      expect(readdirSync(folder)).toEqual([]);
    });

    test("by a link that they have put in its place, there is none where it leads", () => {
      const [folder, link] = [directory(), join(directory(), "link")];
      symlinkSync(folder, link);
      lchownSync(link, nobody, nobody);
      expect(() => open({ path: join(link, "state.db") })).toThrow(
        expect.objectContaining({ code: "STATE_UNWRITABLE", message: expect.stringContaining(link) }),
      );
      expect(readdirSync(folder)).toEqual([]);
    });

    test("there is where each can change their own alone, and by a link of root's", async () => {
      const [folder, link] = [directory(), join(directory(), "link")];
      chmodSync(folder, 0o1777);
      symlinkSync(folder, link);
      await open({ path: join(link, "state.db") }).commit(writing({ a: 1 }));
      expect(readdirSync(folder)).toContain("state.db");
    });
  });

  test("in memory makes no file, and keeps nothing", async () => {
    const first = open({ path: ":memory:" });
    await first.commit(writing({ a: 1 }));
    expect(await first.get("a")).toMatchObject({ value: 1 });
    expect(await open({ path: ":memory:" }).get("a")).toBeUndefined();
    expect(existsSync(":memory:")).toBe(false);
  });

  test("ends where the kernel makes no directories", () => {
    expect(() => open({ path: "/proc/nowhere/below/state.db" })).toThrow(
      expect.objectContaining({ code: "STATE_UNWRITABLE", message: expect.stringContaining("ENOENT") }),
    );
  });

  test("finds what was written before", async () => {
    const path = join(directory(), "state.db");
    const first = open({ path });
    await first.commit(writing({ a: 1 }));
    await first.close();
    expect(await open({ path }).get("a")).toMatchObject({ value: 1 });
  });

  test("makes a commit wait for the disk unless told otherwise, and a flush for what didn't", async () => {
    const path = join(directory(), "state.db");
    let flushes = 0;
    const { fdatasync, fdatasyncSync } = fs;
    fs.fdatasyncSync = (fd) => {
      flushes += 1;
      fdatasyncSync(fd);
    };
    fs.fdatasync = Object.assign((fd: number, done: fs.NoParamCallback) => {
      flushes += 1;
      fdatasync(fd, done);
    }, fdatasync);
    syncBuiltinESMExports();
    onTestFinished(() => {
      Object.assign(fs, { fdatasync, fdatasyncSync });
      syncBuiltinESMExports();
    });
    const store = open({ path, synchronous: "full" });
    await store.commit(writing({ a: 1 }));
    expect(flushes).toBe(1);
    await store.commit({ ...writing({ a: 2 }), durable: false });
    expect(flushes).toBe(1);
    await store.flush();
    expect(flushes).toBe(2);
    const careless = open({ path: join(directory(), "state.db"), synchronous: "off" });
    await careless.commit(writing({ a: 1 }));
    await careless.flush();
    expect(flushes).toBe(2);
  });

  test("refuses the file of a newer version, and leaves it alone", () => {
    const path = join(directory(), "state.db");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 7");
    database.close();
    const { mtimeMs } = statSync(path);
    const message = `the state file ${path} has format 7, this netkit knows formats up to 1`;
    for (const readOnly of [false, true]) {
      expect(() => open({ path, readOnly })).toThrow(expect.objectContaining({ code: "STATE_NEWER", message }));
    }
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
  });

  test.each([
    ["no database", (path: string) => writeFileSync(path, "not a database, but long enough for one".repeat(100))],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a link to nowhere", (path: string) => symlinkSync("/nowhere/at/all", path)],
  ])("refuses %s", (_, make) => {
    const path = join(directory(), "state.db");
    make(path);
    expect(() => open({ path })).toThrow(
      expect.objectContaining({
        code: "STATE_UNWRITABLE",
        message: expect.stringContaining(path),
        hint: expect.any(String),
      }),
    );
  });

  test("says so when the directory can't be made", () => {
    const file = join(directory(), "file");
    writeFileSync(file, "");
    expect(() => open({ path: join(file, "state.db") })).toThrow(expect.objectContaining({ code: "STATE_UNWRITABLE" }));
  });

  test("notices damage behind the head of the file when it meets it", async () => {
    const path = join(directory(), "state.db");
    const store = open({ path });
    await store.commit(writing(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`a/${n}`, "x".repeat(100)]))));
    await store.close();
    const size = statSync(path).size;
    writeFileSync(path, Buffer.alloc(size - 8192, 0xaa), { flag: "r+", flush: true });
    expect(() => open({ path })).toThrow(expect.objectContaining({ code: "STATE_UNWRITABLE" }));
  });
});

describe("reading only", () => {
  test("finds an empty store where there is no file, and makes none", async () => {
    const path = join(directory(), "none", "state.db");
    const store = open({ path, readOnly: true });
    expect(await store.range("")).toEqual([]);
    expect(await store.revision()).toBe(0);
    await store.commit(writing({ a: 1 }));
    expect(await store.get("a")).toMatchObject({ value: 1 });
    expect(() => statSync(path)).toThrow("ENOENT");
  });

  test("finds an empty store in a file that its first writer is about to fill", async () => {
    const path = join(directory(), "state.db");
    writeFileSync(path, "");
    expect(await open({ path, readOnly: true }).range("")).toEqual([]);
  });

  test("sees what others write and refuses to write", async () => {
    const path = join(directory(), "state.db");
    const writer = open({ path });
    await writer.commit(writing({ a: 1 }));
    const reader = open({ path, readOnly: true });
    expect(await reader.get("a")).toMatchObject({ value: 1 });
    await writer.commit(writing({ a: 2 }));
    expect(await reader.get("a")).toMatchObject({ value: 2 });
    for (const attempt of [() => reader.commit(writing({ a: 3 })), () => reader.lease(1000)]) {
      await expect(attempt()).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
    }
    expect(await writer.get("a")).toMatchObject({ value: 2 });
  });
});
