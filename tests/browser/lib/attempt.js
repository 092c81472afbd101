/** Runs a check and says how it ended. A failure becomes the exit code. */
export async function attempt(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`FAILED ${name}\n${error.stack.slice(0, 3000)}`);
    process.exitCode = 1;
  }
}
