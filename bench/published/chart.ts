import { verbs, type PeerFigure, type Verb } from "../peers/figures.ts";
import { titleOf } from "../peers/comparison.ts";
import type { Published } from "./published.ts";
import { figuresOf } from "./section.ts";

const shown = "10";
const [width, labels, bar, gap, top] = [900, 310, 16, 6, 34];
/** What is left for the longest bar and its figure. */
const scale = width - labels - 90;
/** Readable on white and on black, whichever the reader has. */
const style = `text { font: 13px system-ui, sans-serif; fill: #24292f } .head { font-weight: 600 }
.netkit { fill: #0b7a4b } .peer { fill: #8c959f } .floor { fill: #d0d7de; stroke: #8c959f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .netkit { fill: #3fb97f } .peer { fill: #6e7681 } .floor { fill: #3d444d; stroke: #6e7681 }
}`;

/** Bars for the medians with ten ports, one panel for each verb, as SVG. */
export function chartOf({ peers }: Published): string {
  const figures = peers === undefined ? [] : figuresOf(peers).filter(({ case: what }) => what === shown);
  const panels: string[] = [];
  let y = 0;
  for (const verb of verbs) {
    const here = figures.filter((figure) => figure.verb === verb);
    panels.push(panelOf(verb, here, y));
    y += top + here.length * (bar + gap) + 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">
<title>attach and detach with ${shown} ports, medians in ms</title>
<style>${style}</style>
${panels.join("\n")}
</svg>
`;
}

function panelOf(verb: Verb, figures: readonly PeerFigure[], y: number): string {
  const longest = Math.max(...figures.map(({ median }) => median));
  const bars = figures.map((figure, index) => {
    const at = y + top + index * (bar + gap);
    const length = Math.max(1, Math.round((figure.median / longest) * scale));
    const base = at + bar - 4;
    return `<text x="${labels - 8}" y="${base}" text-anchor="end">${escaped(titleOf(figure))}</text>
<rect class="${figure.kind}" x="${labels}" y="${at}" width="${length}" height="${bar}" rx="2"/>
<text x="${labels + length + 6}" y="${base}">${figure.median.toFixed(1)} ms</text>`;
  });
  return [`<text class="head" x="${labels}" y="${y + 22}">${verb} with ${shown} ports</text>`, ...bars].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
