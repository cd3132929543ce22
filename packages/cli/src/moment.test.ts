import { expect, test } from "vitest";
import { parseMoment } from "./moment.ts";

const now = Date.parse("2026-03-01T12:00:00Z");

test.each([
  ["24h", "2026-02-28T12:00:00Z"],
  ["1h30m", "2026-03-01T10:30:00Z"],
  ["45s", "2026-03-01T11:59:15Z"],
  ["1772366400", "2026-03-01T12:00:00Z"],
  ["2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z"],
  ["2026-01-31", "2026-01-31T00:00:00Z"],
])("%s", (text, moment) => {
  expect(new Date(parseMoment("until", text, now)).toISOString()).toBe(new Date(moment).toISOString());
});

test.each(["", "yesterday", "1d", "-1h", "h", "2026-99-99"])("%s is refused", (text) => {
  expect(() => parseMoment("--filter until", text, now)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
});
