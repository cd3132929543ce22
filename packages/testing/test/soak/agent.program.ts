// Loaded by a soak's agent before anything else, so that it can be asked what it holds.
import { answerCalls } from "../../src/calls.ts";
import { held } from "./held.ts";

const functions = { held };
export type AgentFunctions = typeof functions;
answerCalls(functions);
// The agent ends when it has to, asked or not.
process.channel?.unref();
