import { mkdirSync, mkdtempSync, readFileSync, rmSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NetkitError } from "@netkit/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configSchema, parseConfig } from "./config.ts";
import { driverNames, findDriver, loadDriver, refuseNamesake } from "./drivers.ts";
import { readSettings } from "./settings.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netkit-config-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function refusal(work: () => unknown): NetkitError {
  try {
    work();
  } catch (error) {
    return error as NetkitError;
  }
  throw new Error("nothing was refused");
}

describe("the configuration file", () => {
  test("is checked strictly, and a wrong key names the nearest", () => {
    expect(parseConfig('{ "root": "x", "drivers": ["a"] }', "f")).toEqual({ root: "x", drivers: ["a"] });
    const error = refusal(() => parseConfig('{ "driver": ["a"], "firewall": "pf" }', "/f.json"));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain("unknown key 'driver'");
    expect(error.message).toContain("firewall: ");
    expect(error.hint).toBe("Did you mean 'drivers'?");
    expect(refusal(() => parseConfig("{", "/f.json")).code).toBe("CONFIG_INVALID");
  });

  test("is told what is expected of a wrong value", () => {
    const text = '{ "root": 7, "default-network-opts": { "bridge": { "mtu": 1400 } } }';
    expect(refusal(() => parseConfig(text, "/f.json")).details["problems"]).toEqual([
      "root: Invalid input: expected string, received number",
      "default-network-opts.bridge.mtu: Invalid input: expected string, received number",
    ]);
  });

  test("has the published schema", () => {
    const published = readFileSync(join(import.meta.dirname, "../netkit.schema.json"), "utf8");
    expect(JSON.parse(published)).toEqual(configSchema());
  });
});

describe("settings", () => {
  const nothing = { root: undefined, config: undefined, firewall: undefined };

  test("come from options, then the environment, then the file", async () => {
    const config = join(folder, "netkit.json");
    writeFileSync(config, '{ "root": "state", "firewall": "none" }');
    const env = { NETKIT_CONFIG: config, NETKIT_FIREWALL: "iptables" };
    expect(await readSettings(nothing, env)).toMatchObject({ root: join(folder, "state"), firewall: "iptables" });
    expect(await readSettings({ ...nothing, root: "/r", firewall: "nftables" }, env)).toMatchObject({
      root: "/r",
      firewall: "nftables",
    });
    expect(await readSettings({ ...nothing, config }, {})).toMatchObject({ firewall: "none" });
  });

  test("refuse a missing file that was named, and an unknown firewall", async () => {
    await expect(readSettings({ ...nothing, config: join(folder, "none.json") }, {})).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
    await expect(readSettings({ ...nothing, firewall: "nftable" }, {})).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      hint: "Did you mean 'nftables'?",
    });
  });
});

const source = (name: string): string => `export const driver = () => ({
  api: 1, name: "${name}", summary: "", scope: "local", traits: {}, options: {}, endpointOptions: {}, network() {}, endpoint() {},
});`;

function install(name: string, driver: string): void {
  const home = join(folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, "package.json"),
    JSON.stringify({ name, type: "module", exports: { ".": { types: "./x.d.ts", import: "./main.js" } } }),
  );
  writeFileSync(join(home, "main.js"), source(driver));
}

describe("drivers", () => {
  test("come from packages and paths beside the file, by their own name or as listed", async () => {
    install("netkit-driver-foo", "foo");
    install("@acme/networks", "acme");
    writeFileSync(join(folder, "own.mjs"), source("own"));
    const settings = { drivers: ["netkit-driver-foo", "@acme/networks", "./own.mjs"], folders: ["/", folder] };
    for (const name of ["foo", "acme", "own"]) expect(await loadDriver(name, settings)).toMatchObject({ name });
    expect(await loadDriver("@acme/networks", settings)).toMatchObject({ name: "acme" });
    expect(await loadDriver("bridge", settings)).toMatchObject({ name: "bridge" });
    expect(driverNames(settings)).toEqual([
      "bridge",
      "routed",
      "host",
      "null",
      "ipvlan",
      "macvlan",
      "overlay",
      "flannel",
      "container",
      "foo",
      "@acme/networks",
      "./own.mjs",
    ]);
  });

  test("that call themselves as one of netkit's does are refused, however they are asked for", async () => {
    writeFileSync(join(folder, "other.mjs"), source("own"));
    writeFileSync(join(folder, "broken.mjs"), "throw new Error('no luck');");
    writeFileSync(join(folder, "namesake.mjs"), source("routed"));
    const settings = { drivers: ["./broken.mjs", "./other.mjs", "./namesake.mjs"], folders: [folder] };
    const refused = { code: "DRIVER_INVALID", message: expect.stringContaining("calls itself 'routed'") as string };
    await expect(refuseNamesake("routed", settings)).rejects.toMatchObject(refused);
    await expect(findDriver("./namesake.mjs", settings)).rejects.toMatchObject(refused);
    await expect(findDriver("x", { ...settings, drivers: settings.drivers.slice(1) })).rejects.toMatchObject(refused);
    for (const name of ["bridge", "own"]) expect(await refuseNamesake(name, settings)).toBeUndefined();
  });

  test("that are unknown name the nearest; that can't be loaded say why", async () => {
    const settings = { drivers: [], folders: [folder] };
    await expect(findDriver("brigde", settings)).rejects.toMatchObject({
      code: "DRIVER_UNKNOWN",
      hint: "Did you mean 'bridge'?",
    });
    await expect(findDriver("wireguard", settings)).rejects.toMatchObject({
      hint: "Networks can be made with: bridge, routed, ipvlan, macvlan, overlay, flannel.",
    });
    await expect(findDriver("none", settings)).rejects.toMatchObject({
      hint: "The network 'none' is there from the start: --network none",
    });
    const missing = { drivers: ["netkit-driver-gone"], folders: [folder] };
    await expect(findDriver("gone", missing)).rejects.toMatchObject({ code: "DRIVER_INVALID" });
    writeFileSync(join(folder, "empty.mjs"), "export const other = 1;");
    await expect(findDriver("x", { drivers: ["./empty.mjs"], folders: [folder] })).rejects.toThrow(
      "doesn't export a driver",
    );
    writeFileSync(join(folder, "half.mjs"), "export const driver = () => ({ name: 'half', network: () => [] });");
    await expect(findDriver("half", { drivers: ["./half.mjs"], folders: [folder] })).rejects.toThrow(
      "exports a driver without api, summary, scope, traits, options, endpointOptions, endpoint",
    );
    writeFileSync(join(folder, "broken.mjs"), "throw new Error('no luck');");
    await expect(findDriver("x", { drivers: ["./broken.mjs"], folders: [folder] })).rejects.toThrow("no luck");
    writeFileSync(join(folder, "lone.mjs"), "import 'netkit-nowhere';");
    await expect(findDriver("x", { drivers: ["./lone.mjs"], folders: [folder] })).rejects.toMatchObject({
      hint: expect.stringContaining(`in node_modules of ${realpathSync(folder)} and`),
    });
  });
});
