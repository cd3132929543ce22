import { findCommand } from "../catalog.ts";
import { command, type Command } from "../command.ts";
import { commandHelp, groupHelp } from "../help.ts";
import { parseWords } from "../parse.ts";

export const help: Command = command({
  name: "help",
  summary: "Show help for netkit or a command",
  arguments: {
    COMMAND: { many: true, optional: true, summary: "A command or a group of commands", complete: "command" },
  },
  examples: [{ line: "netkit help network create", summary: "The same as netkit network create --help" }],
  changes: false,
  async run({ arguments: { COMMAND }, open, globals, terminal }) {
    const found = findCommand(COMMAND);
    if (found.command === undefined) return groupHelp(found.group, terminal);
    const parsed = parseWords(found.command, ["--help"]);
    return await commandHelp(found.command, { ...parsed, globals, open, terminal } as Parameters<
      typeof commandHelp
    >[1]);
  },
});
