import { expect, test } from "vitest";
import { Turns } from "../src/turns.ts";

/** Work that ends when it is told to, and who has begun by then. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => async (): Promise<string> => {
    begun.push(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.set(name, resolve);
    await promise;
    return name;
  };
  return { begun, work, end: (name: string) => ends.get(name)?.() };
}

/** All that can go on without a timer has gone on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("a container's calls go one after the other, those of others beside them", async () => {
  const turns = new Turns();
  const { begun, work, end } = works();
  const [add, other, del] = [
    turns.take("a", work("add a")),
    turns.take("b", work("add b")),
    turns.take("a", work("del a")),
  ];
  await settled();
  expect(begun).toEqual(["add a", "add b"]);
  end("add a");
  expect(await add).toBe("add a");
  await settled();
  expect(begun).toEqual(["add a", "add b", "del a"]);
  end("add b");
  end("del a");
  expect(await Promise.all([other, del])).toEqual(["add b", "del a"]);
});

test("one for all waits for all, and all later ones for it", async () => {
  const turns = new Turns();
  const { begun, work, end } = works();
  const all = [turns.take("a", work("a")), turns.take("", work("gc")), turns.take("b", work("b"))];
  await settled();
  expect(begun).toEqual(["a"]);
  end("a");
  await settled();
  expect(begun).toEqual(["a", "gc"]);
  end("gc");
  await settled();
  end("b");
  expect(await Promise.all(all)).toEqual(["a", "gc", "b"]);
});

test("one that fails keeps nobody waiting", async () => {
  const turns = new Turns();
  const failing = turns.take("a", async () => await Promise.reject(new Error("no")));
  const next = turns.take("a", async () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});
