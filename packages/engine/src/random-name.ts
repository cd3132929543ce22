import { newId } from "./new-id.ts";

const qualities =
  "amber bold brisk calm clear crisp deft eager fair fleet fond gentle glad grand keen kind light lively lucid mellow merry neat nimble noble plain proud quick quiet ready sharp silver smooth snug solid spry steady still sunny swift tidy true vivid warm wise".split(
    " ",
  );
const things =
  "arch anchor beacon birch brook canal cedar cliff comet coral cove crane delta dune ember falcon fern field fjord gale glade grove harbor heron isle jetty lagoon lark maple marsh meadow mesa orbit otter pier pine quay raven reef ridge river shore sparrow spire spruce stone thicket tide valley wharf willow".split(
    " ",
  );

/** A name for a sandbox that was given none: `swift-otter-41`. */
export function randomName(): string {
  const bytes = Buffer.from(newId(), "hex");
  const pick = (offset: number, count: number): number => bytes.readUInt32LE(offset) % count;
  const quality = qualities[pick(0, qualities.length)] ?? "plain";
  return `${quality}-${things[pick(4, things.length)] ?? "box"}-${10 + pick(8, 90)}`;
}
