// Loads the pocket model with node-llama-cpp, the way the enclave's built-in engine does.
import { getLlama, JinjaTemplateChatWrapper, LlamaLogLevel } from "node-llama-cpp";

/**
 * @param {string} modelFile a GGUF file with a chat template
 * @param {number} [threads]
 */
export async function loadPocket(modelFile, threads = 1) {
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, maxThreads: 0, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: modelFile, gpuLayers: 0 });
  const wrapper = new JinjaTemplateChatWrapper({ template: model.fileInfo.metadata.tokenizer.chat_template, tokenizer: model.tokenizer });
  const context = await model.createContext({ sequences: 1, threads, contextSize: model.trainContextSize });
  const sequence = context.getSequence();

  /** Tokens of a conversation, up to where the answer begins. */
  const render = (messages) => {
    const chatHistory = messages.map(({ role, content }) => (role === "assistant" ? { type: "model", response: [content] } : { type: role, text: content }));
    return wrapper.generateContextState({ chatHistory: [...chatHistory, { type: "model", response: [""] }] }).contextText.tokenize(model.tokenizer);
  };

  /** The model's answer; temperature 0 unless told otherwise. */
  const answer = async (messages, { temperature = 0, maxTokens = 160, seed = 1 } = {}) => {
    await sequence.clearHistory();
    const tokens = [];
    const options = { temperature, topP: 0.95, topK: 40, minP: 0.05, seed };
    for await (const token of sequence.evaluate(render(messages), options)) {
      tokens.push(token);
      if (tokens.length >= maxTokens) break;
    }
    return { text: model.detokenize(tokens), tokens: tokens.length, ended: tokens.length < maxTokens };
  };

  return { model, render, answer, dispose: () => llama.dispose() };
}
