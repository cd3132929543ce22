import { afterEach, expect, test, vi } from "vitest";
import { Events } from "../src/events.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Events that happen at these times, by what the clock says then; each is called after its time. */
function eventsAt(...times: string[]): Events {
  vi.useFakeTimers({ toFake: ["Date"] });
  const events = new Events();
  for (const time of times) {
    vi.setSystemTime(`2026-01-01T${time}Z`);
    events.emit({ type: "network", action: "create", id: time, name: time, attributes: {} });
  }
  return events;
}

const since = (events: Events, time: string): string[] =>
  events.after(events.before(`2026-01-01T${time}.000Z`))?.map(({ name }) => name) ?? [];

test("events since a time are those from then on", () => {
  const events = eventsAt("12:00:00", "12:00:01", "12:00:02");
  expect(since(events, "12:00:01")).toEqual(["12:00:01", "12:00:02"]);
  expect(since(events, "12:00:03")).toEqual([]);
});

test("who comes back with the time of the last event misses none, whichever way the clock was set", () => {
  const back = eventsAt("12:00:00", "12:00:01", "11:00:02", "11:00:03");
  expect(since(back, "12:00:01")).toEqual(["12:00:01", "11:00:02", "11:00:03"]);
  const forward = eventsAt("12:00:00", "12:00:01", "13:00:02", "13:00:03");
  expect(since(forward, "12:00:01")).toEqual(["12:00:01", "13:00:02", "13:00:03"]);
});

test("a thousand are kept, and who is behind them is told so", () => {
  const events = new Events();
  for (let count = 1; count <= 5_000; count++)
    events.emit({ type: "agent", action: "start", id: "", name: String(count), attributes: {} });
  const before = events.before("1970-01-01T00:00:00.000Z");
  const kept = events.after(before) ?? [];
  expect(kept.length).toBeGreaterThanOrEqual(1_000);
  expect(kept.map(({ number }) => number)).toEqual(kept.map((_, index) => before + 1 + index));
  expect(events.after(before - 1)).toBeUndefined();
  expect(events.after(5_000)).toEqual([]);
  expect(new Events().after(0)).toEqual([]);
});
