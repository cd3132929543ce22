import { statSync } from "node:fs";

/** Which namespace a path opens: live ones differ in it. Undefined: there is none. */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
