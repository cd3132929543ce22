// usage: node vm/main.ts up | down | prepare | ssh NAME [COMMAND]
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { prepare } from "./prepare.ts";
import { down, runningMachines, up } from "./vms.ts";

const [verb = "", name = "", ...command] = process.argv.slice(2);

switch (verb) {
  case "up":
    for (const { name, link, address } of await up()) console.log(`${name} ${link} ${address}`);
    break;
  case "down":
    await down();
    break;
  case "prepare":
    await prepare();
    break;
  case "ssh":
    enter();
    break;
  default:
    console.error("usage: npm run vm:up | vm:down | vm:prepare | vm:ssh -- NAME [COMMAND]");
    process.exitCode = 2;
}

function enter(): void {
  const machines = runningMachines();
  const machine = machines.find((one) => one.name === name);
  if (machine === undefined) {
    const there = machines.map((one) => one.name).join(" and ") || "none: npm run vm:up";
    console.error(`vm: no machine ${JSON.stringify(name)} runs; there is ${there}`);
    process.exitCode = 1;
    return;
  }
  const [program = "", ...words] = machine.ssh;
  const child = spawn(program, [...words, ...command], { stdio: "inherit" });
  process.on("SIGINT", () => {});
  child.on("close", (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
}
