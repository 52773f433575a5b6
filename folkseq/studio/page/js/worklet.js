// Before the synthesizer's processor in its audio worklet: has it go by the audio clock. By itself it counts what it
// renders, and falls behind where the machine is too busy, such as while it reads a soundfont.

const register = registerProcessor;
globalThis.registerProcessor = (name, Processor) => {
  globalThis.registerProcessor = register;
  register(name, class extends Processor {
    process(...buffers) {
      this.core.synthesizer.synthCore.currentTime = currentTime;
      return super.process(...buffers);
    }
  });
};
