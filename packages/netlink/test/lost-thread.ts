/** Loses its thread in the namespace given, and prints what every later attempt says. */
import { openNetlink, setSyscalls, syscalls, withNamespace } from "../src/index.ts";

const namespace = process.argv[2] ?? "";
const real = syscalls();
let moves = 0;
setSyscalls({ ...real, setns: (...args) => ((moves += 1) === 2 ? -5 : real.setns(...args)) });
for (const attempt of [() => withNamespace(namespace, () => 1), () => openNetlink({ namespace })]) {
  try {
    attempt();
  } catch (error) {
    process.stdout.write(`${String(error).replace(/^NetlinkError: /, "")}\n`);
  }
}
