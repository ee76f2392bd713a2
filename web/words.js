// The page's texts in both languages. {name} is replaced by a value.

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
    speed: "Speed",
    speeds: { exact: "Exact", balanced: "Balanced", fast: "Fast" },
    steps: "Steps",
    guidance: "Guidance",
    seed: "Seed",
    seedAny: "any",
    count: "Pictures",
    verify: "Check the texts",
    verifyHint: "The server reads the texts of each picture and reports which are right. With several attempts it returns the first picture whose texts are all right, or the best one.",
    bestOf: "Attempts",
    verification: "Texts in the picture",
    textStates: {
      found: "{text} is right",
      similar: "{text} was read as {read}",
      missing: "{text} was not found",
      unread: "{text} cannot be read by the server",
    },
    unknownLetters: " (not distinguished: {letters})",
    loras: "Adapters",
    lorasHint: "Strength of each: 1 as trained, 0 for none.",
    source: "Start from pictures",
    sourceHint: "Optional. Drop, paste or choose pictures; the prompt says how to change them.",
    choosePicture: "Choose pictures…",
    removePicture: "Remove {name}",
    notAPicture: "{name} is not a PNG, JPEG or WebP picture.",
    referencePixels: "Pixels to read of each picture, at most",
    referencePixelsOwn: "the model’s own maximum",
    referencePixelsHint: "Optional. Fewer pixels take less time, and the model sees fewer details. The size of the new picture stays the same.",
    key: "API key",
    draw: "Draw",
    drafts: "Drafts first",
    draftsHint: "Draws several small drafts; you choose the one to finish.",
    chooseDraft: "Drafts: choose one to finish",
    finishDraft: "Finish draft {n}",
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
    failed: "Error: {message}",
    refusals: {
      queue_full: "too many requests are waiting; try again later.",
      invalid_api_key: "the API key is missing or wrong.",
      body_too_large: "the pictures to start from are too large; use smaller files.",
      out_of_memory: "not enough memory; try a smaller size.",
      shutting_down: "the server is shutting down; try again later.",
      internal_error: "the server failed; its log has the reason.",
    },
    warnings: {
      size_not_trained: "This model was trained at {sizes}. At {size} the picture may be illegible.",
      editing_not_trained: "This model was not trained to edit pictures. The result may ignore the prompt.",
      prompt_not_rewritten: "The prompt was drawn as written: {reason}.",
    },
    pictureWarnings: "Warnings",
    textNotRight: "Not all texts in this picture are right.",
    noAttemptRight: "None of {n} attempts has all texts right; this is the best one.",
    typedPrompt: "Rewritten from: {prompt}",
    promptTooLong: "The prompt is too long: at most {n} bytes.",
    gallery: "This session’s pictures",
    emptyGallery: "No pictures yet.",
    reuse: "Use these settings",
    startFrom: "Start from this picture",
    download: "Download",
    settings: "{size}, {steps} steps, seed {seed}",
    stages: {
      "reading weights": "Reading the model",
      "reading pictures": "Reading the pictures",
      "image tokens": "Composing",
      "drawing a preview": "Drawing a draft",
      "spelling": "Reading the texts",
      "denoising": "Painting",
      "decoding": "Finishing",
      "reading the texts back": "Checking the texts",
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
    speed: "Vitesse",
    speeds: { exact: "Exacte", balanced: "Équilibrée", fast: "Rapide" },
    steps: "Étapes",
    guidance: "Guidage",
    seed: "Graine",
    seedAny: "au hasard",
    count: "Images",
    verify: "Vérifier les textes",
    verifyHint: "Le serveur relit les textes de chaque image et dit lesquels sont justes. Avec plusieurs essais, il rend la première image dont tous les textes sont justes, ou la meilleure.",
    bestOf: "Essais",
    verification: "Textes dans l’image",
    textStates: {
      found: "{text} est juste",
      similar: "{text} a été lu {read}",
      missing: "{text} n’a pas été trouvé",
      unread: "{text} ne peut pas être lu par le serveur",
    },
    unknownLetters: " (non distinguées\u00a0: {letters})",
    loras: "Adaptateurs",
    lorasHint: "Force de chacun\u00a0: 1 comme à l’entraînement, 0 pour aucun.",
    source: "Partir d’images",
    sourceHint: "Facultatif. Déposez, collez ou choisissez des images\u00a0; la consigne dit comment les modifier.",
    choosePicture: "Choisir des images…",
    removePicture: "Retirer {name}",
    notAPicture: "{name} n’est pas une image PNG, JPEG ou WebP.",
    referencePixels: "Pixels à lire de chaque image, au plus",
    referencePixelsOwn: "le maximum du modèle",
    referencePixelsHint: "Facultatif. Moins de pixels prennent moins de temps, et le modèle voit moins de détails. La taille de la nouvelle image reste la même.",
    key: "Clé d’accès",
    draw: "Dessiner",
    drafts: "D’abord des ébauches",
    draftsHint: "Dessine plusieurs petites ébauches\u00a0; vous choisissez celle à achever.",
    chooseDraft: "Ébauches\u00a0: choisissez celle à achever",
    finishDraft: "Achever l’ébauche {n}",
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
    failed: "Erreur\u00a0: {message}",
    refusals: {
      queue_full: "trop de requêtes sont en attente\u00a0; réessayez plus tard.",
      invalid_api_key: "la clé d’accès est absente ou incorrecte.",
      body_too_large: "les images de départ sont trop lourdes\u00a0; choisissez des fichiers plus petits.",
      out_of_memory: "mémoire insuffisante\u00a0; essayez une taille plus petite.",
      shutting_down: "le serveur s’arrête\u00a0; réessayez plus tard.",
      internal_error: "le serveur a échoué\u00a0; son journal indique la raison.",
    },
    fieldNames: {
      steps: "les étapes",
      guidance: "le guidage",
      n: "le nombre d’images",
      seed: "la graine",
      reference_pixels: "le nombre de pixels à lire de chaque image",
    },
    fieldRefusals: {
      outside: "pour {field}, il faut un nombre de {min} à {max}.",
      sizeOutside: "chaque côté de l’image doit avoir de {min} à {max} pixels, et l’image {most} pixels en tout au plus.",
      sizeTooLarge: "cette taille n’est pas possible\u00a0; choisissez-en une plus petite.",
      promptTooLong: "la consigne est trop longue\u00a0; raccourcissez-la.",
      promptEmpty: "la consigne doit dire quoi dessiner.",
      pictureSize: "l’image de départ {number} est trop grande, trop petite ou trop allongée\u00a0; réduisez-la ou recadrez-la.",
      pictureUnread: "l’image de départ {number} ne peut pas être lue\u00a0; il faut un fichier PNG, JPEG ou WebP intact.",
      picturesTooMany: "il y a trop d’images de départ\u00a0: {most} au plus.",
      picturesRefused: "les images de départ ne peuvent pas être utilisées\u00a0; choisissez-en d’autres, ou moins.",
      lorasScale: "la force d’un adaptateur doit être un nombre de {min} à {max}.",
      lorasUnknown: "un des adaptateurs n’existe pas sur ce serveur, ou est donné deux fois\u00a0; rechargez la page.",
      qualityUnknown: "cette qualité n’existe pas.",
      bestOfRefused: "avec plusieurs essais, le serveur dessine une seule image, sans ébauche.",
      verifyRefused: "les textes de cette image ne peuvent pas être vérifiés.",
      tooMuchMemory: "mémoire insuffisante\u00a0; essayez une taille plus petite.",
    },
    refusedOther: "la requête est refusée ({message}).",
    warnings: {
      size_not_trained: "Ce modèle a été entraîné en {sizes}. En {size}, l’image risque d’être illisible.",
      editing_not_trained: "Ce modèle n’a pas été entraîné à modifier des images. Le résultat risque d’ignorer la consigne.",
      prompt_not_rewritten: "La consigne n’a pas pu être réécrite\u00a0: l’image suit celle que vous avez saisie.",
      picture: "Une image de départ n’est pas utilisée en entier\u00a0: si elle est animée, une seule de ses images l’est.",
    },
    pictureWarnings: "Avertissements",
    textNotRight: "Tous les textes de cette image ne sont pas justes.",
    noAttemptRight: "Aucun des {n} essais n’a tous ses textes justes\u00a0; voici le meilleur.",
    typedPrompt: "Réécrite à partir de\u00a0: {prompt}",
    promptTooLong: "La consigne est trop longue\u00a0: {n} octets au plus.",
    gallery: "Images de cette session",
    emptyGallery: "Aucune image pour l’instant.",
    reuse: "Reprendre ces réglages",
    startFrom: "Partir de cette image",
    download: "Télécharger",
    settings: "{size}, {steps} étapes, graine {seed}",
    stages: {
      "reading weights": "Lecture du modèle",
      "reading pictures": "Lecture des images",
      "image tokens": "Composition",
      "drawing a preview": "Ébauche",
      "spelling": "Écriture des textes",
      "denoising": "Peinture",
      "decoding": "Finition",
      "reading the texts back": "Vérification des textes",
    },
  },
};

const stored = "glm-image.language";

/** Returns the language of the last visit, or null if the browser stores nothing. */
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
    // The next visit uses the browser's language again.
  }
}

let language = storedLanguage() ?? (navigator.language.startsWith("fr") ? "fr" : "en");
if (!(language in words)) language = "en";

/** Returns a text in the chosen language. */
export function word(name, values = {}) {
  const text = words[language][name];
  return typeof text === "string" ? fill(text, values) : text;
}

/** Replaces each {name} in a text. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** Returns "fr" or "en". */
export function spokenLanguage() {
  return language;
}

/** Fills all elements of the page with texts in the chosen language. */
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

/** Calls `changed` after the user chose another language. */
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
