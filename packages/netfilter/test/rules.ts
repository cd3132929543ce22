// All rules of a namespace, as tools other than netkit see them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export function inNamespace(namespace: string, command: string, ...args: string[]): string {
  return execFileSync("ip", ["netns", "exec", namespace, command, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** nft's tables but for those of iptables, and iptables' rules and own chains: its built-in chains stay once they are used. */
export function rulesIn(namespace: string): string {
  const tables = inNamespace(namespace, "nft", "list", "tables")
    .split("\n")
    .filter((line) => line.startsWith("table inet"));
  // In which order sets, chains and elements were made says nothing.
  const listings = tables.flatMap((line) => [
    line,
    ...inNamespace(namespace, "nft", "-s", "list", ...line.split(" "))
      .replace(/\n}\n$/, "")
      .split(/\n+(?=\t(?:set|map|chain) )/)
      .slice(1)
      .map((part) =>
        part.replace(/(?<=elements = \{ )[^}]+(?= \})/, (elements) => elements.split(/,\s+/).toSorted().join(", ")),
      )
      .toSorted(),
  ]);
  const saved = ["iptables-save", "ip6tables-save"].flatMap((program) =>
    inNamespace(namespace, program)
      .split("\n")
      .filter((line) => /^-A|^:\S+ -|^\*/.test(line))
      // The table of a rule matters, an empty one doesn't.
      .filter((line, index, lines) => !line.startsWith("*") || /^[-:]/.test(lines[index + 1] ?? "")),
  );
  return [...listings, ...saved].join("\n");
}

/** Have iptables and ip6tables mean those of the legacy tables until the function that is returned is called. */
export function useLegacyPrograms(): () => void {
  const directory = mkdtempSync(join(tmpdir(), "netkit-legacy-"));
  const path = process.env["PATH"];
  for (const family of ["iptables", "ip6tables"]) {
    for (const tool of ["", "-save", "-restore"])
      symlinkSync(`/usr/sbin/${family}-legacy${tool}`, join(directory, `${family}${tool}`));
  }
  process.env["PATH"] = `${directory}${delimiter}${path ?? ""}`;
  return () => {
    process.env["PATH"] = path;
    rmSync(directory, { recursive: true });
  };
}
