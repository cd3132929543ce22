import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import type { Box } from "./box.ts";

/** How machines run: on the processor, or emulated (8 to 20 times slower). */
export type Accelerator = "kvm" | "tcg";

/** With KVM it is there after 1 s, emulated after 3 s. */
const timeoutMs = 15_000;

/**
 * What works here, tried by booting the box's kernel as far as its initramfs: a machine may have a /dev/kvm that can't be used, or
 * that runs a kernel instruction by instruction, slower than an emulation and only up to the first that it doesn't know.
 */
export async function findAccelerator({ kernel, initrd }: Pick<Box, "kernel" | "initrd">): Promise<Accelerator> {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return "tcg";
  }
  return (await boots("kvm", kernel, initrd)) ? "kvm" : "tcg";
}

/** Whether the initramfs comes to its prompt in time. */
async function boots(accelerator: Accelerator, kernel: string, initrd: string): Promise<boolean> {
  const machine = `-accel ${accelerator} -cpu ${accelerator === "kvm" ? "host" : "max"} -m 512 -smp 1`;
  const bare = "-nodefaults -no-user-config -display none -no-reboot -serial stdio";
  const words = [...`${machine} ${bare} -kernel`.split(" "), kernel, "-initrd", initrd];
  // The prompt of Debian's initramfs before it does anything.
  const child = spawn("qemu-system-x86_64", [...words, "-append", "console=ttyS0 panic=-1 break=top"], {
    stdio: ["pipe", "pipe", "ignore"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const closed = new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  let said = "";
  let reached = false;
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    said += text;
    if (!said.includes("(initramfs)")) return;
    reached = true;
    child.kill("SIGKILL");
  });
  await closed;
  return reached;
}
