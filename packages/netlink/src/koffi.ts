import { createRequire } from "node:module";
import { dirname, join } from "node:path";

type Koffi = typeof import("koffi");

let loaded: Koffi | undefined;

/**
 * koffi, loaded at the first call. Its own loader takes 8 ms to find out which platform this is, for what one dlopen(3)
 * does in 1 ms; where the binary isn't where koffi's packages have it (or is not for this libc), koffi is asked.
 */
export function koffi(): Koffi {
  if (loaded !== undefined) return loaded;
  const require = createRequire(import.meta.url);
  return (loaded = openBinary(require.resolve("koffi")) ?? (require("koffi") as Koffi));
}

function openBinary(entry: string): Koffi | undefined {
  const { arch } = process;
  const binary = join(dirname(entry), "..", "@koromix", `koffi-linux-${arch}`, `linux_${arch}`, "koffi.node");
  const addon: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(addon, binary);
  } catch {
    return undefined;
  }
  return addon.exports as Koffi;
}
