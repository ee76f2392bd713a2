// The page's words in both languages. {name} stands for a value.

const words = {
  en: {
    language: "Language",
    promptLabel: "What to draw",
    spelledNone: "Put texts in quotation marks to have them spelled.",
    spelled: "Will be spelled: {texts}",
    quoted: "“{text}”",
    examples: "Examples:",
    size: "Size and shape",
    sizeAuto: "As the first picture, or the model’s own",
    sizeSquare: "Square",
    sizePortrait: "Portrait",
    sizeLandscape: "Landscape",
    sizeOwn: "Other size…",
    width: "Width (pixels)",
    height: "Height (pixels)",
    steps: "Steps",
    guidance: "Guidance",
    seed: "Seed",
    seedAny: "any",
    count: "Pictures",
    source: "Start from pictures",
    sourceHint: "Optional. Drop, paste or choose pictures; the prompt says what becomes of them.",
    choosePicture: "Choose pictures…",
    removePicture: "Remove {name}",
    notAPicture: "{name} is no PNG, JPEG or WebP picture.",
    key: "API key",
    draw: "Draw",
    work: "Pictures",
    progress: "Progress",
    cancel: "Cancel",
    cancelled: "Cancelled.",
    sending: "Sending…",
    waiting: "Waiting, {position} before this one{left}",
    left: ", about {time} left",
    seconds: "{n} s",
    minutes: "{n} min",
    draftAlt: "Draft of the picture",
    done: "Done.",
    lost: "The server cannot be reached.",
    failed: "It did not work: {message}",
    refusals: {
      queue_full: "too many others are waiting; try again in a while.",
      invalid_api_key: "the API key is missing or wrong.",
      body_too_large: "the pictures to start from are too large.",
      out_of_memory: "not enough memory for this; try a smaller size.",
      shutting_down: "the server is being stopped; try again in a while.",
      internal_error: "the server failed; its log says why.",
    },
    warnings: {
      size_not_trained: "This model was trained at {sizes}. At {size} the picture may be illegible.",
      editing_not_trained: "This model was not trained to edit pictures. The result may ignore the prompt.",
    },
    gallery: "This session’s pictures",
    emptyGallery: "Nothing drawn yet.",
    reuse: "Use these settings",
    startFrom: "Start from this picture",
    download: "Download",
    settings: "{size}, {steps} steps, seed {seed}",
    stages: {
      "reading weights": "Reading the model",
      "reading pictures": "Looking at the pictures",
      "image tokens": "Composing",
      "drawing a preview": "Drawing a draft",
      "spelling": "Reading the texts",
      "denoising": "Painting",
      "decoding": "Finishing",
    },
  },
  fr: {
    language: "Langue",
    promptLabel: "Que dessiner",
    spelledNone: "Mettez entre guillemets les textes à écrire.",
    spelled: "Sera écrit\u00a0: {texts}",
    quoted: "«\u00a0{text}\u00a0»",
    examples: "Exemples\u00a0:",
    size: "Taille et forme",
    sizeAuto: "Comme la première image, ou celle du modèle",
    sizeSquare: "Carré",
    sizePortrait: "Portrait",
    sizeLandscape: "Paysage",
    sizeOwn: "Autre taille…",
    width: "Largeur (pixels)",
    height: "Hauteur (pixels)",
    steps: "Étapes",
    guidance: "Guidage",
    seed: "Graine",
    seedAny: "au hasard",
    count: "Images",
    source: "Partir d’images",
    sourceHint: "Facultatif. Déposez, collez ou choisissez des images\u00a0; la consigne dit ce qu’elles deviennent.",
    choosePicture: "Choisir des images…",
    removePicture: "Retirer {name}",
    notAPicture: "{name} n’est pas une image PNG, JPEG ou WebP.",
    key: "Clé d’accès",
    draw: "Dessiner",
    work: "Images",
    progress: "Avancement",
    cancel: "Annuler",
    cancelled: "Annulé.",
    sending: "Envoi…",
    waiting: "En attente, {position} avant celle-ci{left}",
    left: ", encore environ {time}",
    seconds: "{n} s",
    minutes: "{n} min",
    draftAlt: "Ébauche de l’image",
    done: "Terminé.",
    lost: "Le serveur ne répond pas.",
    failed: "Cela n’a pas marché\u00a0: {message}",
    refusals: {
      queue_full: "trop d’autres demandes attendent\u00a0; réessayez dans un moment.",
      invalid_api_key: "la clé d’accès manque ou n’est pas la bonne.",
      body_too_large: "les images de départ sont trop lourdes.",
      out_of_memory: "pas assez de mémoire\u00a0; essayez une taille plus petite.",
      shutting_down: "le serveur s’arrête\u00a0; réessayez dans un moment.",
      internal_error: "le serveur a échoué\u00a0; son journal dit pourquoi.",
    },
    warnings: {
      size_not_trained: "Ce modèle a été entraîné en {sizes}. En {size}, l’image risque d’être illisible.",
      editing_not_trained: "Ce modèle n’a pas été entraîné à modifier des images. Le résultat risque d’ignorer la consigne.",
    },
    gallery: "Images de cette session",
    emptyGallery: "Rien de dessiné pour l’instant.",
    reuse: "Reprendre ces réglages",
    startFrom: "Partir de cette image",
    download: "Télécharger",
    settings: "{size}, {steps} étapes, graine {seed}",
    stages: {
      "reading weights": "Lecture du modèle",
      "reading pictures": "Lecture des images",
      "image tokens": "Composition",
      "drawing a preview": "Ébauche",
      "spelling": "Lecture des textes",
      "denoising": "Peinture",
      "decoding": "Finition",
    },
  },
};

const stored = "glm-image.language";

/** The language chosen before; nothing where the browser keeps nothing for pages. */
function storedLanguage() {
  try {
    return localStorage.getItem(stored);
  } catch {
    return null;
  }
}

function storeLanguage() {
  try {
    localStorage.setItem(stored, language);
  } catch {
    // It will be asked of the browser again next time.
  }
}

let language = storedLanguage() ?? (navigator.language.startsWith("fr") ? "fr" : "en");
if (!(language in words)) language = "en";

/** A word or sentence in the language chosen. */
export function word(name, values = {}) {
  const text = words[language][name];
  return typeof text === "string" ? fill(text, values) : text;
}

/** Puts values into a text's {name}s. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** "fr" or "en". */
export function spokenLanguage() {
  return language;
}

/** Puts the language's words wherever the page asks for them. */
export function fillWords() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = word(element.dataset.word);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", word(element.dataset.label));
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = word(element.dataset.placeholder);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

/** Calls `changed` after the other language was chosen. */
export function onLanguage(changed) {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      language = button.dataset.language;
      storeLanguage();
      fillWords();
      changed();
    });
  }
}
