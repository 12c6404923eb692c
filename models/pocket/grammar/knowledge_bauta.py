"""Bauta: its parties, its encryption, its receipts, what it proves, and how to use it."""

from .intent import Intent


def _topic(id: str, names: list[str], answer: str, ask: list[str], works: bool = True, weight: float = 1.0, kind: str = "Bauta") -> Intent:
    return Intent(f"bauta.{id}", kind, [answer], ask, names, works, weight)


_ENGINES = "{another|a different|a bigger|a better|my own|a real|a larger} model"

INTENTS = [
    _topic("what", ["bauta", "bauta", "bauta", "the bauta project", "this project", "this software", "this repository", "this repo"],
        "Bauta is an open-source stack for confidential inference. Your client checks the machine before it says a word, and the operator cannot read what you send to an e2ee model.", [
        "what does bauta do?", "what is bauta for?", "what's bauta good for?", "what is bauta about?", "why bauta?", "why should i use bauta?", "what problem does bauta solve?", "what is the {goal|purpose|point} of bauta?", "what is this project {about|for}?", "who needs bauta?", "what does this software do?", "why does bauta exist?", "what makes bauta {special|different}?", "what are the advantages of bauta?", "what is the benefit of bauta?", "is bauta an ai?",
        "~what problem is bauta solving?", "~so what does bauta do for me?", "~what do people use bauta for?", "~could you tell me what bauta is good for?",
    ], works=False, weight=2),
    _topic("name", [],
        "A bauta is a Venetian mask that let its wearer speak freely and stay unknown. The project is named after it.", [
        "why is it called bauta?", "why the name bauta?", "where does the name bauta come from?", "what does bauta mean?", "what does the name {bauta |}mean?", "what does the word bauta mean?", "where does the name come from?", "is bauta a mask?", "what is a bauta?", "what is a bauta mask?", "what is the bauta mask?", "who named bauta?", "what's the origin of the name bauta?", "why that name?", "what language is bauta?", "the name bauta?", "is bauta a word?", "why a mask?", "tell me about the name bauta", "explain the name bauta", "what mask is it named after?",
        "~why did they call it bauta?", "~what is the meaning of the name bauta?", "~where did the word bauta come from?", "~after what is bauta named?",
    ]),
    _topic("how", [],
        "Your client asks the enclave for evidence and checks it. Then it seals your message for the enclave, the gateway relays it unread, and a signed receipt proves the answer.", [
        "how does bauta work?", "how does bauta work?", "how does it work?", "how does this work?", "how does this thing work?", "explain how bauta works", "how does the protocol work?", "what is the path of {a|my} {prompt|message}?", "what happens to my {prompt|message}?", "what happens when i {send|type} a {message|prompt}?", "what happens with my {message|prompt|data}?", "where does my {prompt|message} go?", "how does my {prompt|message} reach {you|the model|the enclave}?", "how do {you|we} keep my {prompt|message|data} private?", "how is my {prompt|data|privacy|message} protected?", "how are my {prompts|messages|data|chats} protected?", "how is it done?", "how does all this work?", "how does bauta protect {me|my data|my prompts|privacy}?", "walk me through bauta", "what are the steps?", "describe the protocol", "explain the protocol", "what is the protocol?", "give me an overview of bauta", "overview of bauta", "what happens behind the scenes?", "how do the parts work together?", "how does bauta keep prompts {private|secret}?", "explain bauta step by step", "how does this chat work?", "how does the demo work?", "what just happened?",
        "~how exactly does bauta work?", "~so how does bauta protect my prompt?", "~what happens to my message after i send it?", "~can you explain how bauta works?", "~which path does my prompt take?", "~tell me how bauta works, step by step",
    ], weight=2),
    _topic("parties", ["the three parties", "+the three parties", "+the parts of bauta", "the architecture", "bauta's architecture", "the architecture of bauta"],
        "There are three parties: the client, which verifies and encrypts; the gateway, which relays and is not trusted; and the enclave, which is trusted only because it was verified.", [
        "which parties are there?", "what parties are there?", "who are the parties?", "what parts does bauta have?", "what are the parts of bauta?", "what components does bauta have?", "what is bauta made of?", "which components are there?", "how is bauta {built|structured|organized}?", "how many parties are there?", "what are the roles in bauta?", "who is involved?", "who takes part?", "client, gateway, enclave?", "what are client, gateway and enclave?", "what is the difference between gateway and enclave?", "gateway vs enclave", "list the components of bauta", "which three parties?",
        "~what parts is bauta made of?", "~which are the three parties of bauta?", "~what's the difference between the enclave and the gateway?", "~how many parts does bauta have?",
    ], works=False, weight=1.3),
    _topic("gateway", ["a gateway", "the gateway", "the gateway", "gateway", "+gateways", "the bauta gateway"],
        "The gateway checks API keys and limits, picks the enclave and relays bytes. It is not trusted, and it has no code that could open a sealed message.", [
        "can the gateway read {my prompts|my messages|my prompt|my chat|what i write|messages|it|this}?", "does the gateway see {my prompts|my messages|my prompt|plaintext|this}?", "what does the gateway see?", "what can the gateway {see|read|do}?", "is the gateway trusted?", "do i have to trust the gateway?", "can i trust the gateway?", "what if the gateway is {evil|malicious|hacked|dishonest}?", "what if the gateway lies?", "can the gateway lie?", "who relays my message?", "what happens at the gateway?", "is the gateway {safe|secure}?", "why have a gateway?",
        "~is the gateway able to read my prompts?", "~what if someone hacks the gateway?", "~should i trust the gateway?", "~what is it that the gateway sees?",
    ], weight=1.5),
    _topic("client", ["the client", "a bauta client", "the bauta client", "the sdk", "the client sdk"],
        "The client runs on your side. It verifies the enclave, seals each message under a key made for that request, opens the answer and checks its receipt.", [
        "what does the client do?", "what does my client do?", "what does the client check?", "what happens on my side?", "what happens on my machine?", "where is my message {encrypted|sealed}?", "who encrypts my {message|prompt}?", "who seals my {message|prompt}?", "what runs on my side?", "do i need a client?", "is there an sdk?", "which part do i have to trust?",
        "~what is done by the client?", "~which part encrypts my message?", "~what is happening on my side?",
    ]),
    _topic("e2ee", ["e2ee", "e2ee", "end-to-end encryption", "end to end encryption", "end-to-end encrypted", "an e2ee model", "+e2ee models", "e2e encryption"],
        "E2EE is end-to-end encryption: your client seals each message, and only the verified enclave can open it. The gateway in between sees ciphertext.", [
        "is this {chat|conversation} {encrypted|end-to-end encrypted|private|secret|sealed}?", "are my {messages|prompts|chats} {encrypted|private|secret|sealed|end-to-end encrypted}?", "is my {message|prompt|chat|data} {encrypted|private|secret|safe|sealed}?", "what does e2ee stand for?", "what does end to end mean?", "who can open a sealed message?", "who can read a sealed message?", "do you encrypt my {messages|prompts|data}?", "is everything encrypted?", "is the answer encrypted too?", "are answers encrypted?", "how are messages encrypted?", "where does the encryption end?", "does bauta encrypt {messages|prompts|everything}?", "is it private?", "is this private?", "is it safe to {chat|talk} here?", "is this safe?", "is this secure?", "how private is this?",
        "~so is this chat private?", "~are our messages end-to-end encrypted?", "~what do the letters e2ee mean?", "~who is able to open a sealed message?", "~is what i write here encrypted?",
    ], weight=1.7),
    _topic("teevse2ee", ["+tee models", "+tee-* models", "a tee-* model"],
        "Models named tee- are attested, but the gateway reads what you ask. Models named e2ee- are attested and sealed, so it cannot.", [
        "what is the difference between tee and e2ee?", "tee vs e2ee", "e2ee vs tee", "tee or e2ee?", "tee- or e2ee-?", "how is tee different from e2ee?", "what is the difference between tee models and e2ee models?", "what's the difference between tee-* and e2ee-*?", "should i use tee or e2ee?", "which is better, tee or e2ee?", "which is more private, tee or e2ee?", "what do the prefixes mean?", "what does the prefix {tee-|e2ee-} mean?", "compare tee and e2ee", "why are there two kinds of models?", "are tee models encrypted?", "can the gateway read tee models?", "what do the model names mean?",
        "~how do tee and e2ee differ?", "~which one should i choose, tee or e2ee?", "~what is different between e2ee and tee models?", "~what does the prefix of a model mean?",
    ], works=False, weight=1.3),
    _topic("receipt", ["a receipt", "a receipt", "+receipts", "the receipt", "receipt", "a signed receipt"],
        "A receipt is the enclave's signed statement about one answer. It holds hashes of the request and the response, and only with it does Bauta call an answer verified.", [
        "what is in a receipt?", "what does a receipt {contain|prove|say}?", "who signs the receipt?", "how is {an|the} answer verified?", "how do i verify an answer?", "when is an answer verified?", "what does verified mean?", "what does an unverified answer mean?", "what does incomplete mean?", "what if there is no receipt?", "what if the receipt is {wrong|missing|invalid}?", "how do i know that the answer comes from {you|the enclave|the model}?", "how do i know the answer was not changed?", "can someone change the answer?", "can the gateway change {the answer|answers|your answers}?", "is the answer signed?", "are answers signed?", "do you sign your answers?", "what is the proof of an answer?", "who proves the answer?", "where is the receipt?", "how do i check a receipt?", "how do i know who answered?",
        "~what things are in a receipt?", "~how can i check that an answer is verified?", "~could somebody change the answer on its way?", "~what if a receipt is missing?", "~who is signing the receipts?",
    ], weight=1.7),
    _topic("envelope", ["an envelope", "+envelopes", "the envelope", "a sealed message", "+sealed messages", "the envelope format", "sealing"],
        "An envelope is a sealed message: the sender's public key, a nonce, the ciphertext and a tag, written as hex.", [
        "what is in an envelope?", "what does an envelope contain?", "what does sealed mean?", "what does it mean to seal a message?", "how is a message sealed?", "how do you seal a message?", "what does a sealed message look like?", "what is the format of {an envelope|a sealed message}?", "how are messages sealed?", "what parts does an envelope have?", "what bytes are in an envelope?",
        "~what things does an envelope hold?", "~how does a sealed message look?", "~what is the meaning of sealed?",
    ]),
    _topic("crypto", ["the cryptography", "encryption", "bauta's cryptography", "the encryption", "ecdh", "hkdf", "aes-gcm", "aes", "secp256k1", "aes-256-gcm", "key agreement"],
        "Bauta agrees on keys with ECDH on secp256k1, derives them with HKDF-SHA256 and encrypts with AES-256-GCM. Signatures are ECDSA.", [
        "which {cryptography|encryption|algorithms|algorithm|ciphers|cipher|crypto} {does bauta use|do you use|is used|are used}?", "what {cryptography|encryption|algorithms|cipher|crypto} {does bauta use|do you use|is used}?", "what cipher encrypts my messages?", "which curve is used?", "which curve does bauta use?", "how are keys derived?", "how are keys agreed?", "do you use {aes|rsa|ecdh|hkdf|chacha|aes-gcm}?", "does bauta use {aes|rsa|ecdh|aes-gcm|hkdf|secp256k1}?", "is it aes?", "how strong is the encryption?", "what algorithm signs?", "what kind of encryption is it?", "is the encryption good?", "tell me about the crypto",
        "~what encryption algorithm is used by bauta?", "~which cryptographic algorithms does bauta use?", "~which elliptic curve do you use?", "~what kind of cipher is used?",
    ], weight=1.3),
    _topic("modelkey", ["the model key", "a model key", "the signing key", "the enclave's key", "the key of the enclave"],
        "The model key is made inside the enclave when it starts and never leaves it. The quote is bound to it, and your client encrypts only to that key.", [
        "where does the key come from?", "who has the key?", "who holds the key?", "who has the private key?", "where is the private key?", "where is the key kept?", "where are the keys stored?", "which key is my message encrypted to?", "which key do you encrypt to?", "can the operator get the key?", "can someone steal the key?", "can the key be stolen?", "does the key leave the enclave?", "who makes the key?", "when is the key made?", "is the key ever exported?", "who knows the secret key?", "where is the secret key?",
        "~who is holding the private key?", "~in what place is the key stored?", "~could anybody steal the model key?", "~to which key does my client encrypt?",
    ]),
    _topic("clientkey", ["the client key", "a client key", "an ephemeral key", "+ephemeral keys", "the request key"],
        "Your client makes a new key pair for each request, and the answer is sealed to it. The enclave uses a new key for each answer as well.", [
        "is there a key for each request?", "how often is a new key made?", "how often do keys change?", "is the key always the same?", "are keys reused?", "do you reuse keys?", "which key is the answer sealed to?", "who makes the client key?", "does each message have its own key?", "why a new key for each request?",
        "~how many times is a key used?", "~is a new key made for each request?", "~to which key are answers sealed?",
    ]),
    _topic("forward", ["forward secrecy", "perfect forward secrecy", "pfs"],
        "Version 1 of the protocol has no forward secrecy for prompts: whoever gets a model key can open requests that were recorded earlier.", [
        "is there forward secrecy?", "does bauta have forward secrecy?", "do you have {forward secrecy|pfs}?", "what if the model key leaks?", "what if the key is stolen later?", "what happens if the key leaks?", "can old messages be decrypted later?", "can recorded requests be opened later?", "what if someone records the traffic?",
        "~does the protocol offer forward secrecy?", "~what would happen if the model key leaked?", "~could recorded messages be opened later?",
    ]),
    _topic("metadata", ["metadata", "the metadata", "traffic analysis", "token sizes"],
        "The gateway still sees metadata: which model you use, when, your parameters, and the sizes and timing of the sealed chunks.", [
        "what is not encrypted?", "what is not sealed?", "what is still visible?", "what can still be seen?", "what leaks?", "does anything leak?", "what information leaks?", "what does the network see?", "can someone see {how long my messages are|when i chat|the size of my messages}?", "is metadata {protected|hidden|encrypted}?", "does bauta hide {metadata|sizes|timing|my ip|message sizes}?", "can the gateway see when i chat?", "what remains visible?", "which data is in clear?", "what travels in clear?", "are the parameters encrypted?",
        "~which information is not encrypted?", "~what can others still see?", "~is there something that leaks?", "~does bauta protect metadata?",
    ]),
    _topic("tls", ["tls", "https", "ssl"],
        "TLS protects the line to the gateway and ends there. Bauta's sealing goes on to the enclave, so the gateway cannot read it.", [
        "why is tls not enough?", "why isn't https enough?", "why not just {tls|https|use https|use tls}?", "is https not enough?", "isn't tls enough?", "what is the difference between {tls|https} and {bauta|e2ee|this}?", "how is {bauta|this|e2ee} different from {tls|https}?", "tls vs bauta", "how does {this|e2ee|it} differ from {tls|https}?", "how is bauta better than {tls|https}?", "bauta or {https|tls}?", "is {bauta|this} like https?", "what is the difference between bauta and {a vpn|https|tls|ssl}?", "why do i need this if i have {https|tls}?", "is it the same as {https|tls}?", "tls vs e2ee", "https vs e2ee", "does bauta use {tls|https}?", "what does {tls|https} not protect?", "i have https already",
        "~is tls not good enough?", "~how does bauta differ from https?", "~why would i need more than tls?",
    ]),
    _topic("proven", ["proof", "the proof", "the proven part"],
        "What is proven depends on the checks that passed: genuine hardware, the measured code, the key bound to it, your nonce. The result names each check, and what was not checked is not proven.", [
        "what is proven?", "what is proven and what is not?", "what does bauta prove?", "what do you prove?", "what exactly is proven?", "what can be proven?", "what is {actually|really} proven here?", "what does it prove?", "what proof do i have?", "what proof do i get?", "which things are proven?", "what has been verified?", "what was verified?", "what did you verify?", "what did my client verify?", "what is guaranteed?", "what guarantees do i have?", "what does verification prove?", "what is the proof?", "prove it", "can you prove it?", "can you prove that you are safe?", "how do i know that this is true?", "how can i be sure?", "how do i know {you are not lying|that you tell the truth|you tell the truth|this is not fake|this is not a lie|that nobody cheats}?", "are you lying?", "do you lie?", "is this a lie?", "how can i know that it is {true|safe|secure}?", "why should i trust {you|this|bauta}?", "can i trust {you|this|bauta}?", "how can i trust {you|this|bauta}?", "how do i verify you?", "how can i verify you?", "how do i check you?", "can i verify that?",
        "~so what is really proven?", "~what guarantees does bauta give?", "~which things does bauta prove?", "~how could i verify you?", "~for what reason should i trust bauta?", "~what exactly did you verify?",
    ], works=False, weight=1.7),
    _topic("notproven", ["the limits of bauta", "+the limits of bauta", "bauta's limits"],
        "Bauta does not prove that the measured code is good, that a GPU sits in the same machine, or that TEE hardware has no flaws. A check that was not made is shown as such.", [
        "what is not proven?", "what does bauta not prove?", "what can bauta not prove?", "what can't bauta prove?", "what is not verified?", "what is not guaranteed?", "what are the {limits|limitations|weaknesses|problems|risks|downsides} of bauta?", "what are bauta's {limits|limitations|weaknesses}?", "what can go wrong?", "what can go wrong with bauta?", "what does bauta not do?", "what does bauta not protect against?", "is bauta {perfect|unbreakable|100% secure}?", "can bauta be {hacked|broken|attacked}?", "what are the risks?", "what should i not believe?", "what remains unproven?", "what can't be proven?", "is there something that bauta can't prove?", "how could bauta fail?",
        "~which things are not proven?", "~what does bauta fail to prove?", "~what weaknesses does bauta have?", "~what is it that can't be proven?",
    ], works=False, weight=1.3),
    _topic("unpinned", ["unpinned", "pinning", "+pinned measurements", "an unpinned result"],
        "Anyone can rent a genuine TDX machine, so real hardware alone proves little. Without pinned measurements a result is not ok, and if you allow any, it is shown as UNPINNED.", [
        "what does unpinned mean?", "why pin measurements?", "why must i pin measurements?", "is real hardware enough?", "is genuine hardware enough?", "why is a genuine tdx machine not enough?", "what if i accept any measurements?", "what is measurements any?", "can an attacker rent a tdx machine?", "could someone run a logger in a real tee?", "what does it mean to pin?", "how do i pin measurements?", "what if no measurements are pinned?", "isn't any tee good enough?",
        "~is it enough that the hardware is genuine?", "~what does the word unpinned mean?", "~why should measurements be pinned?",
    ]),
    _topic("policy", ["a policy", "the policy", "+policies", "policy", "a policy file"],
        "A policy is a small file that says what your client accepts: the reference values of the builds that you trust, and other rules. Whatever does not match is refused.", [
        "what is in a policy?", "what does a policy say?", "who writes the policy?", "how do i write a policy?", "how do i choose what to trust?", "how do i set what i trust?", "where do i set the expected measurements?", "how do i say which builds i trust?", "how do i accept a new build?", "what does the client accept?", "where are the rules?", "can i set my own rules?",
        "~what does a policy file contain?", "~how could i say which builds i trust?", "~who makes the policy?",
    ]),
    _topic("fails", [],
        "Then the client stops before anything is sent: no prompt leaves your machine for an enclave that failed verification. The result says which check failed and why.", [
        "what happens if verification fails?", "what if verification fails?", "what if the attestation fails?", "what happens if attestation fails?", "what happens if a check fails?", "what if a check fails?", "what if the enclave is {fake|wrong|changed|not genuine|bad}?", "what if the quote is {wrong|fake|invalid|bad|old}?", "what happens when the verification does not succeed?", "is my prompt sent if verification fails?", "what does the client do if the check fails?", "what if the machine cannot be verified?", "does anything get sent before verification?", "is anything sent before the check?", "when is my prompt sent?", "verification failed, what now?", "attestation failed", "what does the client do with a bad quote?", "what if the signature is invalid?", "what if the measurements don't match?", "what if the measurements are wrong?", "what if the nonce is wrong?", "what if the enclave {was|is|has been} {tampered with|manipulated|modified|hacked|replaced|altered}?", "what happens if the enclave is {tampered with|manipulated|modified|hacked|replaced}?", "what if someone tampers with the enclave?", "does it stop when the check fails?", "what if a bad enclave answers?", "what if i talk to a fake enclave?", 
        "~and what if the verification does not work?", "~what happens when attestation fails?", "~what will the client do when a check fails?", "~what if measurements do not match the policy?", "~is something sent when a check fails?",
    ], weight=1.3),
    _topic("whocanread", [],
        "With an e2ee model, your machine and the measured code in the enclave. With a tee model, the gateway as well.", [
        "who can read my {prompts|messages|chats|prompt|message|chat|data}?", "who can see my {prompts|messages|chats|prompt|message|chat|data}?", "who sees {my prompts|my messages|this chat|what i write|my data}?", "who reads {my prompts|my messages|this chat|what i write}?", "can anyone read {this|my messages|my prompts|what i write|our chat}?", "can someone read {this|my messages|my prompts|our chat}?", "can anybody see {this|my messages|my prompts}?", "is someone {reading|listening|watching}?", "who is listening?", "who has access to my {prompts|messages|data}?", "who else can read {this|my prompts|my messages}?", "can you read my messages?", "can the developers read my {messages|prompts}?", "can {bauta|the government|the police|hackers|my boss|my provider} read my {messages|prompts|chats}?", "does anyone see my {messages|prompts|chats}?", "can others see my {messages|prompts|chats}?", "who could still read my prompt?",
        "~who is able to read my messages?", "~is there anyone who can read my prompts?", "~who else sees what i write?", "~could somebody read our chat?", "~which people have access to my prompts?",
    ], weight=1.5),
    _topic("logs", ["+logs", "logging", "data retention"],
        "Bauta writes no prompts, answers or keys to logs, and the memory of a conversation is erased when its answer ends.", [
        "do you store my {data|messages|prompts|chats}?", "do you log my {data|messages|prompts|chats}?", "do you save my {data|messages|prompts|chats}?", "are my {messages|prompts|chats|data} {stored|logged|saved|kept}?", "is my {data|chat|prompt|message} {stored|logged|saved|kept}?", "does bauta {store|log|save|keep} {my data|prompts|messages|anything|my chats}?", "is this {chat|conversation} {stored|logged|saved|recorded}?", "do you keep logs?", "what is logged?", "what do you log?", "how long do you keep my {data|messages}?", "are there logs?", "is anything {stored|logged|saved|recorded}?", "where are my {chats|messages} stored?", "do you delete my data?", "when is my data deleted?", "does the enclave keep my prompts?",
        "~will my prompts be stored somewhere?", "~are there any logs of my chats?", "~does bauta write my messages to a log?", "~is our conversation being recorded?", "~how long are messages kept?",
    ], weight=1.3),
    _topic("simulated", ["the simulator", "a simulated tee", "the simulated tee", "simulated", "the software tee", "simulated mode"],
        "With npm start the TEE is simulated in software, so that it runs on any computer, and results say SIMULATED. It shows the protocol, but proves nothing about hardware.", [
        "is the {tee|hardware|enclave|attestation|quote} {real|simulated|genuine} {here|in the demo|with npm start}?", "is this simulated?", "is the tee simulated?", "why does it say simulated?", "what does simulated mean?", "what does SIMULATED mean?", "is this a simulation?", "is the demo {real|secure|simulated|fake}?", "is this demo {real|secure|simulated}?", "do i need special hardware?", "do i need {tdx|a tee|intel hardware|special hardware|an intel cpu} to {try|run} {it|this|bauta}?", "can i run {bauta|this} without {a tee|tdx|special hardware}?", "what hardware do i need?", "does the demo use a real tee?", "does npm start use {a real tee|real hardware}?", "is the quote real here?", "does it run on a laptop?", "can i try bauta on my {laptop|mac|pc|computer}?", "what are the hardware requirements?", "is it fake?",
        "~is the enclave of the demo real?", "~why is it called simulated?", "~which hardware is needed to try bauta?", "~can i try this without tee hardware?", "~does this demo run on real tee hardware?",
    ], weight=1.5),
    _topic("start", ["npm start", "npm start", "the demo"],
        "Run npm start in the repository. It starts the three parties on your machine, verifies the enclave and opens a sealed chat.", [
        "how do i start?", "how do i start bauta?", "how do i run bauta?", "how do i run {this|it}?", "how can i run bauta?", "how do i install {bauta|it|this}?", "how can i try {bauta|it|this}?", "how do i get started?", "getting started", "how to start", "how to install", "how to run bauta", "what is the first step?", "what command starts bauta?", "which command starts {bauta|it|the demo}?", "what does npm start do?", "how do i run the demo?", "where do i begin?", "how do i set up bauta?", "how do i launch it?", "quickstart", "quick start", "how do i use bauta?",
        "~what do i type to start bauta?", "~how would i get bauta running?", "~how can i start the demo?", "~what is done by npm start?", "~how can i install bauta?",
    ], works=False, weight=1.3),
    _topic("replace", ["--model-file", "the --model-file option"],
        "Run npm start -- --model-file my.gguf with any GGUF chat model. It takes my place inside the enclave.", [
        f"how do i use {_ENGINES}?", f"how can i use {_ENGINES}?", f"how do i run {_ENGINES}?", f"how can i run {_ENGINES}?", f"how do i load {_ENGINES}?", f"can i use {_ENGINES}?", f"can i run {_ENGINES}?", f"i want to use {_ENGINES}", f"i want {_ENGINES}", f"how to use {_ENGINES}", "how do i replace you?", "how can i replace {you|the model|this model|the pocket model}?", "how do i replace {the|this} {model|pocket model}?", "how do i {change|switch|swap} the model?", "can i {change|switch|swap|replace} the model?", "how do i get a bigger model?", "how do i get rid of you?", "can i replace you?", "can you be replaced?", "use a different model", "switch model", "change model", "load a model", "load a bigger model", "run a gguf", "how do i run a gguf?", "how do i load a gguf?", "can i use {a gguf|my own gguf|any gguf|a gguf file}?", "how do i use {a gguf|my own gguf|my gguf file|a gguf file}?", "run my own gguf", "how do i run {llama|qwen|mistral|gemma|phi|deepseek|a llama model} {here|in bauta|with bauta|instead}?", "can i use {llama|qwen|mistral|gemma|phi|deepseek} {here|in bauta|with bauta|instead of you}?", "which models can i use?", "which models does bauta support?", "what models are supported?", "what other models can i run?", "does bauta work with {llama|qwen|mistral|gemma|other models}?", "replace model with gguf", "how to replace the pocket model",
        f"~what do i type to use {_ENGINES}?", "~is it possible to replace the model?", "~how would i swap you for another model?", "~how can i load my own gguf file?", "~which command loads a different model?", "~how could i change the model?", "~what other models does bauta run?",
    ], works=False, weight=2.2),
    _topic("ollama", ["ollama", "ollama"],
        "Start Ollama and run npm start -- --engine-url http://127.0.0.1:11434/v1 with --engine-model and the model's name.", [
        "how do i use ollama?", "how do i use bauta with ollama?", "how do i connect ollama?", "can i use ollama?", "does bauta work with ollama?", "do you support ollama?", "how do i run {bauta|this|it} with ollama?", "ollama?", "use ollama", "run with ollama", "replace you with ollama", "how can i replace you with ollama?", "how do i replace {you|this model|the model} {by|with} ollama?", "i have ollama", "i want to use ollama", "i use ollama", "what is the url for ollama?", "which port does ollama use?", "how do i point bauta at ollama?", "is ollama supported?", "can ollama be the engine?", "how to use ollama with bauta", "connect to ollama", "my models are in ollama",
        "~how would i use ollama instead of you?", "~is it possible to use ollama?", "~how can i connect bauta to ollama?", "~what do i type to use ollama?", "~i'd like to use my ollama models",
    ], works=False, weight=1.6),
    _topic("vllm", ["vllm", "vllm", "sglang", "--engine-url", "llama-server", "lm studio"],
        "Start the server and run npm start -- --engine-url http://127.0.0.1:8000/v1. Any engine with an OpenAI-compatible API works, such as vLLM, SGLang or llama-server.", [
        "how do i use {vllm|sglang|llama-server|lm studio}?", "how do i use bauta with {vllm|sglang|llama-server|lm studio}?", "how do i connect {vllm|sglang|llama-server|an engine|my server|lm studio}?", "can i use {vllm|sglang|lm studio|my own server}?", "does bauta work with {vllm|sglang|lm studio}?", "do you support {vllm|sglang|lm studio}?", "how do i run {bauta|this|it} with {vllm|sglang}?", "use {vllm|sglang}", "run with {vllm|sglang}", "replace you with {vllm|sglang}", "how do i replace {you|this model|the model} {by|with} {vllm|sglang}?", "i have a vllm server", "i want to use {vllm|sglang}", "how do i point bauta at {vllm|my server|an openai server}?", "is {vllm|sglang} supported?", "which engines are supported?", "which engines can i use?", "what engines does bauta support?", "what inference engines work?", "what inference servers can i use?", "how do i use my own {server|engine|inference server}?", "how do i set the engine url?", "what is an engine?", "what does --engine-url do?", "can i use a gpu server?",
        "~how would i use {vllm|sglang} instead of you?", "~is it possible to use {vllm|sglang}?", "~how can i connect bauta to vllm?", "~which inference engines does bauta work with?", "~what do i type to use vllm?",
    ], works=False, weight=1.6),
    _topic("openai", ["the openai api", "the openai client", "openai compatibility", "the api"],
        "Bauta speaks OpenAI's API. Any OpenAI client works when you change its base URL; verifying and sealing are the work of Bauta's own client.", [
        "can i use the openai {client|sdk|api|library|package}?", "how do i use the openai {client|sdk|library|package} with bauta?", "how do i use bauta {from|in} {python|javascript|code|my app|node|typescript|my code}?", "how do i call {the api|bauta|you} from {python|javascript|code|my app}?", "is bauta {openai-compatible|openai compatible|compatible with openai}?", "is the api compatible with openai?", "does bauta work with {openai clients|langchain|the openai sdk|the vercel ai sdk|my app}?", "is there an api?", "what is the base url?", "how do i connect my app?", "which api does bauta have?", "what api does it speak?", "can i use {python|langchain|my own app|curl}?", "can my app use bauta?", "how do i integrate bauta?", "what endpoint do i call?", "is there a rest api?", "how do developers use bauta?", "how do i use it in my program?",
        "~how would i use bauta from python?", "~which clients work with bauta?", "~is it possible to use the openai client?", "~how can i connect my own app to bauta?", "~does it work with openai clients?",
    ], works=False, weight=1.3),
    _topic("venice", ["venice", "venice ai", "venice.ai", "the venice api"],
        "Bauta follows the API that Venice AI publishes for TEE and E2EE models, so header names are theirs. It is a project of its own.", [
        "is bauta made by venice?", "is bauta from venice?", "what has bauta to do with venice?", "what does venice have to do with bauta?", "is this venice ai?", "does bauta work with venice?", "is bauta part of venice?", "who is venice?", "why do the headers say venice?", "why is it x-venice?", "which api does bauta follow?", "whose api is this?", "is venice behind bauta?",
        "~why do header names contain venice?", "~is bauta a product of venice?", "~how is bauta related to venice?",
    ], works=False),
    _topic("license", ["the license", "bauta's license", "the licence"],
        "Bauta is open source under the Apache License 2.0.", [
        "is bauta {open source|free|free software|open-source}?", "is {this|it} {open source|free|open-source|free software}?", "which license does bauta have?", "what license is {it|this|bauta}?", "what is the license?", "what's the licence?", "under which license is bauta?", "can i use bauta {commercially|for free|at work|in my company|in my product}?", "how much does {bauta|it|this} cost?", "does bauta cost {money|anything|something}?", "what is the price?", "is there a price?", "do i have to pay?", "can i see the {code|source|source code}?", "is the {code|source|source code} {open|public|available}?", "where is the {source|code|source code}?", "can i fork bauta?", "can i modify bauta?", "can i sell it?", "apache or mit?", "who owns bauta?", "free or paid?",
        "~is the source code of bauta public?", "~what does bauta cost?", "~do i need to pay for bauta?", "~what license is bauta under?", "~may i use bauta in my company?",
    ], works=False),
    _topic("language", [],
        "Bauta is written in TypeScript and runs on Node.js 20.19 or newer. The client parts run in browsers too.", [
        "what is bauta written in?", "what language is bauta written in?", "in which language is bauta written?", "which programming language {is this|is bauta|does bauta use|is used}?", "what programming language is used?", "what tech stack does bauta use?", "is bauta written in {rust|go|python|typescript|javascript|c++|java}?", "is it {rust|go|python|typescript|javascript|java}?", "which node version do i need?", "what version of node is needed?", "do i need node?", "does it need node?", "what do i need to {run|install} bauta?", "what are the requirements?", "what does bauta need?", "does it run in {a browser|the browser|browsers|chrome}?", "does bauta run in {a browser|the browser|browsers}?", "can i use it in {a browser|the browser|chrome}?", "does it run on {windows|mac|linux|macos}?", "does bauta run on {windows|mac|linux|macos}?", "why typescript?", "what technology is it made with?", "which runtime does bauta need?",
        "~what was bauta written in?", "~what programming language did they write bauta in?", "~which version of node does bauta need?", "~will it run in my browser?", "~does bauta need node?",
    ]),
    _topic("gguf", ["gguf", "a gguf", "a gguf file", "gguf files", "the gguf format"],
        "GGUF is the file format of llama.cpp: one file with a model's weights, tokenizer and chat template.", [
        "what is in a gguf?", "what does a gguf contain?", "which file format do models have?", "what format is the model file?", "what is pocket.gguf?", "what is my.gguf?", "what file format do you use?", "what kind of file are you?", "which model format does bauta need?",
        "~what things are in a gguf file?", "~which format must the model file have?", "~what sort of file is pocket.gguf?",
    ]),
    _topic("llamacpp", ["llama.cpp", "llama cpp", "llamacpp", "node-llama-cpp"],
        "llama.cpp is an open-source engine that runs language models on ordinary computers. Bauta has it built in, and it computes my tokens.", [
        "does bauta use llama.cpp?", "do you use llama.cpp?", "are you running in llama.cpp?", "which engine is built in?", "what computes your tokens?", "what runs the model?", "who wrote llama.cpp?", "what is the built-in engine?", "how are your tokens computed?",
        "~is llama.cpp used in bauta?", "~what engine computes the tokens?", "~which engine does bauta have built in?",
    ]),
    _topic("llm", ["a language model", "an llm", "+llms", "+language models", "a large language model", "a token", "+tokens", "inference", "a transformer"],
        "A language model computes the next token, a piece of a word, from the text before it, again and again. Running one is called inference.", [
        "how does a language model work?", "how do llms work?", "how do language models work?", "how do you work?", "how do you {think|answer|make answers|write|generate text}?", "how do you know what to say?", "how are your answers made?", "what happens when you answer?", "how does ai work?", "what is ai?", "what is artificial intelligence?", "what is a neural network?", "what are weights?", "what are parameters?", "what is a parameter?", "how do you generate answers?",
        "~how is it that you can answer?", "~how does an llm make its answers?", "~in what way do you work?", "~could you explain how a language model works?",
    ]),
    _topic("streaming", ["streaming", "a stream", "+chunks", "sse"],
        "Sealed answers are always streamed: each chunk is sealed on its own and sent at once. A receipt follows at the end.", [
        "are answers streamed?", "does bauta support streaming?", "do you support streaming?", "can i turn off streaming?", "why must it stream?", "why do answers come in pieces?", "how are answers sent?", "is streaming required?", "why is stream true needed?", "how do chunks travel?",
        "~is it possible to stream answers?", "~how are the chunks of an answer sent?", "~do i have to use streaming?",
    ]),
    _topic("refused", [],
        "Sealed requests take text only: tools, functions, images, web search and more than one choice are refused, and the answer must be streamed.", [
        "which features are refused?", "what is not supported?", "what is not supported with e2ee?", "does e2ee support {tools|functions|images|function calling|web search}?", "can e2ee models use {tools|functions|images|function calling|web search}?", "are {tools|functions|images|function calls} supported?", "do e2ee models support {tools|images|functions|function calling}?", "what are the limits of e2ee models?", "why are tools refused?", "why was my request refused?", "can i send images to an e2ee model?", "can i use function calling with bauta?", "does bauta support {tools|images|function calling|embeddings}?", "what can't e2ee models do?", "which requests are refused?",
        "~are images possible with e2ee models?", "~what features does e2ee not support?", "~is function calling possible with sealed requests?",
    ]),
    _topic("weights", ["weights proof", "the proof of weights"],
        "A receipt names the hashes of the weights only where the enclave read the files in a way that proves it. Otherwise it says null, and which model answered is the enclave's word.", [
        "how do i know which model {answered|runs|i am talking to}?", "how can i be sure which model runs?", "is the model proven?", "are the weights proven?", "are the weights verified?", "can the operator swap the model?", "could someone swap the model?", "how do i know that the model was not swapped?", "does the receipt name the model?", "is the model hashed?", "are the weights measured?", "how do i verify the weights?", "how do i verify the model?", "can i check the model's hash?",
        "~could the operator use a different model secretly?", "~how can i know what model really answered?", "~is there a proof of the weights?",
    ]),
    _topic("newkey", ["error 421", "a 421", "421"],
        "Each enclave makes a new key when it starts. If none holds the key that you sealed to, the gateway answers 421 and your client attests again.", [
        "what happens when the enclave restarts?", "what if the enclave restarts?", "what if the enclave is restarted?", "why do i get 421?", "why do i get a 421 error?", "what does 421 mean?", "what is status 421?", "what if there are several enclaves?", "how does the gateway choose the enclave?", "what happens after a restart?", "how are requests routed?", "how does routing work?",
        "~i got a 421, what is that?", "~what happens if an enclave is started again?", "~how does the gateway pick an enclave?",
    ]),
    _topic("v2", ["version 2", "version 1", "protocol version 1", "v1"],
        "Version 1 follows the published format, which seals each message. A gateway could still replay a sealed request or change its parameters; that is the reason for a second version, which seals the whole body.", [
        "what does version 1 not promise?", "what are the weaknesses of version 1?", "can a request be replayed?", "can the gateway replay my request?", "can the gateway change my request?", "can the gateway change the parameters?", "why is there a second version?", "what is new in version 2?", "what is the difference between version 1 and 2?", "v1 vs v2", "what attacks does version 1 allow?", "are requests protected against replay?",
        "~could a gateway replay a request of mine?", "~what weaknesses does version 1 have?", "~what will version 2 change?",
    ], works=False),
    _topic("apikey", ["an api key", "the api key", "+api keys"],
        "An API key tells the gateway who you are, for limits and billing. It does not open any message.", [
        "do i need an api key?", "where do i get an api key?", "how do i get an api key?", "which api key do i use?", "what is the api key for?", "how do i log in?", "do i need an account?", "do i need to register?", "do i have to sign up?", "how does the gateway know who i am?", "does the api key decrypt messages?",
        "~is an api key needed?", "~how could i get an api key?", "~do i have to make an account?",
    ]),
    _topic("docs", ["the documentation", "the docs"],
        "Begin with README.md, then read ARCHITECTURE.md and spec/protocol.md in the repository.", [
        "where is the documentation?", "where are the docs?", "where can i read more?", "where can i learn more?", "is there documentation?", "are there docs?", "is there a manual?", "is there a {spec|specification}?", "where is the {spec|specification|protocol described|manual|readme}?", "what should i read?", "what should i read first?", "what should i read next?", "where do i find more information?", "how can i learn more about bauta?", "where is the protocol described?", "link to the docs", "where can i find the protocol?", "any documentation?",
        "~is there some documentation i can read?", "~where would i find the specification?", "~what could i read to learn more?", "~in which file is the protocol described?",
    ], works=False),
    _topic("slow", ["+the costs of privacy", "performance"],
        "Sealing costs little: one key agreement for each answer and fast encryption for each chunk. Most of the time goes into the model itself.", [
        "is bauta slow?", "is it slow?", "how fast is bauta?", "how fast is it?", "does encryption make it slow?", "does the encryption cost time?", "how much slower is it?", "is e2ee slower?", "is a tee slower?", "what is the overhead?", "how much overhead does it have?", "does sealing cost time?", "what does privacy cost?", "what is the performance?", "how much latency does it add?", "are you fast?", "how fast are you?",
        "~does sealing make answers slower?", "~how much time does the encryption cost?", "~is the overhead of bauta big?",
    ], works=False),
]
