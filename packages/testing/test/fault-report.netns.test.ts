import { expect, test } from "vitest";
import { sweep } from "../src/index.ts";

const module = new URL("mutants/broken-process.ts", import.meta.url);
const patient = { timeout: 300_000 };

test("a namespace whose making isn't undone is counted as a leak, once for each", patient, async () => {
  const { faults, complaints } = await sweep({ module, export: "leaking" }, { mode: "error" });
  const leaks = complaints.filter(({ kind }) => kind === "leak");
  expect(faults).toBeGreaterThan(10);
  expect(leaks.length).toBeGreaterThan(0);
  for (const { message } of leaks) expect(message).toMatch(/machine files: \+ \/run\/netns\/netkit-|doctor: /);
  expect(new Set(leaks.map(({ message }) => message)).size).toBe(leaks.length);
});

test("what was acknowledged and isn't there after a death is counted as lost", patient, async () => {
  const { complaints } = await sweep({ module, export: "losing" }, { mode: "kill" });
  expect(complaints).toContainEqual({
    kind: "loss",
    message: expect.stringMatching(
      /^fault \d+ \(killed over: make web on b\): there is '' instead of 'network a of bridge; /,
    ),
  });
});
