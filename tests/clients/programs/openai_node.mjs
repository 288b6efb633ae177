// What a program on openai-node does first: list, speak as it comes, transcribe.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url, words] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { default: OpenAI, toFile } = await import(
  pathToFileURL(require.resolve("openai")).href.replace(/\.js$/, ".mjs")
);

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const models = await client.models.list();
const speech = await client.audio.speech.create({
  model: "gpt-4o-mini-tts",
  voice: "alloy",
  input: words,
  instructions: "Speak in a cheerful tone.",
  response_format: "wav",
});
const chunks = [];
for await (const chunk of speech.body) chunks.push(chunk);
const heard = await client.audio.transcriptions.create({
  model: "gpt-4o-transcribe",
  file: await toFile(Buffer.concat(chunks), "speech.wav"),
});
const facts = { models: models.data.length, chunks: chunks.length, heard: heard.text };
console.log(JSON.stringify(facts));
