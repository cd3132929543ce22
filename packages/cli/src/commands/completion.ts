import { didYouMean, NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { scripts, shells } from "../completion/scripts.ts";

export const completion: Command = command({
  name: "completion",
  summary: "Print the completion script of a shell",
  arguments: { SHELL: { summary: "bash, zsh or fish", complete: ["bash", "zsh", "fish"] } },
  examples: [
    { line: 'eval "$(netkit completion bash)"', summary: "In this shell, or in ~/.bashrc" },
    { line: 'eval "$(netkit completion zsh)"', summary: "In ~/.zshrc, after compinit" },
    { line: "netkit completion fish > ~/.config/fish/completions/netkit.fish", summary: "For fish" },
  ],
  changes: false,
  async run({ arguments: { SHELL } }) {
    const shell = shells.find((name) => name === SHELL);
    if (shell === undefined) {
      throw new NetkitError("ARGUMENT_INVALID", `no completion for the shell ${JSON.stringify(SHELL)}`, {
        hint: didYouMean(SHELL, shells, `There is one for ${shells.join(", ")}.`),
      });
    }
    return { data: { shell, script: scripts[shell] }, text: scripts[shell].trimEnd() };
  },
});
