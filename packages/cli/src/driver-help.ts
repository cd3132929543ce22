import type { OptionSet } from "@netkit/core";
import type { HelpSection } from "./command.ts";

/** A driver's options as a part of the help: from its schema, so that help and validation can't differ. */
export function optionSection(title: string, options: OptionSet): HelpSection {
  const rows = Object.entries(options).map(([name, { value, summary, aliases = [], default: preset }]) => {
    const notes = [
      ...(preset === undefined ? [] : [`default ${typeof preset === "string" ? preset : JSON.stringify(preset)}`]),
      ...(aliases.length === 0 ? [] : [`also ${aliases.join(", ")}`]),
    ];
    return [`${name}=${value}`, notes.length === 0 ? summary : `${summary} (${notes.join("; ")})`] as const;
  });
  return { title, rows: rows.length === 0 ? [["none", ""]] : rows };
}
