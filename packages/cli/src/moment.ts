import { NetkitError } from "@netkit/core";

const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000 };

/**
 * A point in time as Docker's filters take it, in ms since 1970: a date (RFC 3339), seconds since 1970, or how long ago
 * in hours, minutes and seconds (`24h`, `1h30m`).
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseMoment(what: string, text: string, now: number = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const agoMs = durationMs(text);
  if (agoMs !== undefined) return now - agoMs;
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  throw new NetkitError("ARGUMENT_INVALID", `${what}: ${JSON.stringify(text)} is no point in time`, {
    hint: "Write a date such as 2026-01-31T12:00:00Z, or how long ago: 24h, 1h30m.",
  });
}

/** `1h30m`, `5s` in ms; undefined: it is no such text. */
export function durationMs(text: string): number | undefined {
  if (!/^(\d+[hms])+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([hms])/g)];
  return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (unitsMs[unit] ?? 0), 0);
}
