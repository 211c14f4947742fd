// What JupyterLab 4 and ipywidgets 8 leave out: figures get the alternative text of their metadata, pictures in widgets and
// sliders the name that stands beside them, and keys pressed in a widget stay there (arrow keys would leave a radio button for the next cell,
// "d d" would delete it). JupyterLab loads this file as it is: there is nothing to build.
(() => {
  const PICTURES = ["image/png", "image/jpeg"];

  const CONTROLS = ".jp-OutputArea-output .jupyter-widgets :is(input, button, select, textarea, canvas, [tabindex])" +
    ":not([data-lm-suppress-shortcuts])";

  const describing = (Renderer) => class extends Renderer {
    async render(model) {
      await super.render(model);
      const picture = this.node.querySelector("img");
      if (picture) picture.alt = model.metadata[this.mimeType]?.alt ?? "";
    }
  };

  const nameOf = (handle) => {
    const widget = handle.closest(".jupyter-widgets");
    return widget?.querySelector(".widget-label")?.textContent || widget?.title || "value";
  };

  // the caption changes with what is shown: the picture follows it, whatever it was when the picture came
  const captionOf = (picture) => {
    const beside = [...picture.parentElement.querySelectorAll(".widget-label, .mricourse-alt")];
    return beside.map((element) => element.textContent.trim()).filter(Boolean).join(". ") || "picture";
  };

  const amend = (root) => {
    for (const picture of root.querySelectorAll("img.widget-image")) {
      const caption = captionOf(picture);
      if (picture.alt !== caption) picture.alt = caption;
    }
    for (const handle of root.querySelectorAll(".noUi-handle:not([aria-label])")) handle.setAttribute("aria-label", nameOf(handle));
    for (const control of root.querySelectorAll(CONTROLS)) control.setAttribute("data-lm-suppress-shortcuts", "true");
  };

  const plugin = (rendermime) => ({
    id: "mricourse:accessible",
    autoStart: true,
    requires: [rendermime.IRenderMimeRegistry],
    activate: (app, registry) => {
      const Described = describing(rendermime.RenderedImage);
      const createRenderer = (options) => new Described(options);
      registry.addFactory({ safe: true, mimeTypes: PICTURES, defaultRank: 90, createRenderer });
      new MutationObserver(() => amend(document)).observe(document.body, { childList: true, characterData: true, subtree: true });
    },
  });

  let shared;
  (window._JUPYTERLAB ??= {}).mricourse = {
    init: (scope) => { shared = scope; },
    get: async () => {
      const [entry] = Object.values(shared["@jupyterlab/rendermime"]);
      const rendermime = (await entry.get())();
      return () => ({ __esModule: true, default: plugin(rendermime) });
    },
  };
})();
