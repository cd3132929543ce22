import { NetkitError } from "@netkit/core";

const directions = ["ingress", "egress"] as const;

/**
 * The endpoint options that `--rate` stands for: a rate for both directions, or `ingress=RATE,egress=RATE,burst=BITS` with
 * any of the first two. The driver parses the values; what is none is refused here, where it has one name.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function rateOptions(text: string): Record<string, string> {
  if (!text.includes("=")) {
    if (!/^[0-9.]+([kmgt]?bit)?$/i.test(text) || Number.parseFloat(text) === 0) throw invalid(text);
    return Object.fromEntries(directions.map((direction) => [`rate-${direction}`, text]));
  }
  const given: Partial<Record<(typeof directions)[number] | "burst", string>> = {};
  for (const part of text.split(",")) {
    const [, key, value] = /^(ingress|egress|burst)=([^=]+)$/.exec(part) ?? [];
    const name = [...directions, "burst" as const].find((one) => one === key);
    if (name === undefined || value === undefined || given[name] !== undefined) throw invalid(text);
    given[name] = value;
  }
  const limited = directions.filter((direction) => given[direction] !== undefined);
  if (limited.length === 0) throw invalid(text);
  const { burst } = given;
  return Object.fromEntries(
    limited.flatMap((direction) => [
      [`rate-${direction}`, given[direction] ?? ""],
      ...(burst === undefined ? [] : [[`burst-${direction}`, burst] as const]),
    ]),
  );
}

function invalid(text: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `--rate ${JSON.stringify(text)} is no rate`, {
    hint: "Write it in bits with a unit (kbit, mbit, gbit): --rate 10mbit for both directions, or --rate ingress=10mbit,egress=5mbit,burst=1mbit.",
  });
}
