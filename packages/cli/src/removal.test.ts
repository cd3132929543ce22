import { NetkitError } from "@netkit/core";
import { expect, test } from "vitest";
import { removal, removed } from "./removal.ts";

const cancelledAt = (stop: string) => async (ref: string) => {
  if (ref === stop) throw new NetkitError("CANCELLED", "cancelled; nothing was changed");
  if (ref === "nosuch") throw new NetkitError("NETWORK_NOT_FOUND", "no network");
  return await Promise.resolve({ name: ref });
};

test("what was removed before Ctrl-C is told, and so is what wasn't", async () => {
  const { text, errors } = removed(await removal(["a", "nosuch", "b", "c", "d"], cancelledAt("c")));
  expect(text).toBe("a\nb");
  expect(errors).toMatchObject([
    { code: "NETWORK_NOT_FOUND" },
    { code: "CANCELLED", message: "cancelled; left as they were: c, d", details: { left: ["c", "d"] } },
  ]);
});

test("Ctrl-C before the first changes nothing, and says so", async () => {
  await expect(removal(["a", "b"], cancelledAt("a"))).rejects.toMatchObject({
    code: "CANCELLED",
    message: "cancelled; nothing was changed",
  });
});
