// What JavaScript may pass where TypeScript would not compile.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNetkit, type Netkit } from "../src/index.ts";

let netkit: Netkit;
const root = mkdtempSync(join(tmpdir(), "netkit-shape-"));
beforeAll(async () => {
  netkit = await openNetkit({ root });
});
afterAll(async () => {
  await netkit.close();
  rmSync(root, { recursive: true });
});

describe("a request that isn't one is refused with what is wrong, before anything is looked at", () => {
  test.each<[unknown, string, string]>([
    [undefined, "the network is an object, not undefined", "types"],
    [{}, "the network has no 'name'", "name: ..."],
    [{ name: 42 }, "name of the network is text, not 42", "types"],
    [{ name: "n", subnet: "10.7.0.0/24" }, "the network has no 'subnet'", "Did you mean 'subnets'?"],
    [{ name: "n", subnets: "10.7.0.0/24" }, 'subnets of the network is a list, not "10.7.0.0/24"', "types"],
    [
      { name: "n", subnets: ["10.7.0.0/24"] },
      'entry 0 of subnets of the network is an object, not "10.7.0.0/24"',
      "types",
    ],
    [
      { name: "n", subnets: [{ cidr: "10.7.0.0/24" }] },
      "entry 0 of subnets of the network has no 'cidr'",
      "It has subnet",
    ],
    [{ name: "n", ipv6: "yes" }, 'ipv6 of the network is yes or no, not "yes"', "types"],
  ])("networks.create(%j)", async (request, message, hint) => {
    await expect(netkit.networks.create(request as never)).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message,
      hint: expect.stringContaining(hint) as string,
    });
  });

  test.each<[unknown, string]>([
    [{ nam: "s" }, "the sandbox has no 'nam'"],
    [{ networks: [{ name: "n" }] }, "the endpoint has no 'name'"],
    [{ networks: [{}] }, "the endpoint has no 'network'"],
    [{ networks: [7] }, "the endpoint is an object, not 7"],
    [{ dns: { server: [] } }, "dns of the sandbox has no 'server'"],
  ])("sandboxes.open(%j)", async (request, message) => {
    await expect(netkit.sandboxes.open(request as never)).rejects.toMatchObject({ code: "ARGUMENT_INVALID", message });
  });

  test("options that would be ignored are refused: a misspelt dry run would be none", async () => {
    const options = { dryrun: true } as never;
    const refused = {
      code: "ARGUMENT_INVALID",
      message: "the change has no 'dryrun'",
      hint: "Did you mean 'dryRun'?",
    };
    await expect(netkit.networks.create({ name: "n" }, options)).rejects.toMatchObject(refused);
    await expect(netkit.networks.remove("n", options)).rejects.toMatchObject(refused);
    await expect(netkit.sandboxes.remove("s", options)).rejects.toMatchObject(refused);
  });

  test("a reference is text", async () => {
    await expect(netkit.networks.get(7 as never)).rejects.toMatchObject({ message: "the network is text, not 7" });
    await expect(netkit.sandboxes.get(undefined as never)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  });
});
