"""TEEs, confidential computing and attestation: what holds for any product."""

from .intent import Intent


def _topic(id: str, names: list[str], answer: str, ask: list[str], works: bool = True, weight: float = 1.0) -> Intent:
    return Intent(f"tee.{id}", "TEEs and attestation", [answer], ask, names, works, weight)


INTENTS = [
    _topic("tee", ["a tee", "a tee", "tee", "+tees", "+tees", "a trusted execution environment", "trusted execution environment", "+trusted execution environments", "trusted execution", "the tee"],
        "A TEE, or trusted execution environment, is a part of a computer that the hardware isolates. Not even the machine's owner can read its memory, and it can prove what it runs.", [
        "how does a tee protect {me|my data|my prompts|data}?", "what can a tee do?", "why run a model in a tee?", "what does tee stand for?", "what makes a tee {safe|secure|trusted|special}?", "why are tees {safe|secure|useful}?", "what do tees protect {against|from}?", "why should i use a tee?", "is a tee hardware or software?", "tee = ?", "what is tee in computing?", "what is the idea of a tee?",
        "~what does the abbreviation tee mean?", "~what does a tee protect against?", "~why is a tee useful for a model?",
    ], weight=2),
    _topic("cc", ["confidential computing", "confidential computing", "confidential compute", "confidential inference", "data in use", "confidential ai", "private inference"],
        "Confidential computing protects data while it is in use, not only while it is stored or sent. The work runs in a TEE, and attestation proves it.", [
        "how can data be protected {in use|while it is used|while it is processed|in memory}?", "how is data in use protected?", "what is the difference between data at rest and data in use?", "how does private inference work?", "what does confidential mean here?", "why confidential?", "how can inference be private?", "how can ai be private?", "can computing be confidential?",
        "~what is so confidential about confidential computing?", "~how does one protect data in use?", "~how can a model's inference be confidential?",
    ], weight=1.5),
    _topic("attestation", ["attestation", "attestation", "remote attestation", "an attestation", "the attestation", "attestations", "attesting"],
        "Attestation is how a machine proves what it runs. The hardware signs measurements of the loaded code, and a verifier checks the signature and compares them with expected values.", [
        "how can a machine prove what it runs?", "how does an enclave prove what it runs?", "how does an enclave prove itself?", "how can {i|one} know what code a server runs?", "what does an attestation prove?", "what does attestation {show|prove}?", "what is proved by attestation?", "how does the machine prove itself?", "why attest?", "what happens during attestation?", "what are the steps of attestation?", "what is attested?", "what does attested mean?", "what does it mean to attest?",
        "~how can a server prove what code it runs?", "~what happens when an enclave is attested?", "~what does remote attestation prove?",
    ], weight=2),
    _topic("quote", ["a quote", "a quote", "+quotes", "the quote", "a tdx quote", "an attestation quote", "+tdx quotes", "a signed quote", "quote"],
        "A quote is the signed statement of an attestation: measurements, 64 bytes of report data, and a signature that leads back to the hardware maker.", [
        "what is in a quote?", "what does a quote contain?", "what is inside a quote?", "who signs the quote?", "who makes the quote?", "what's in the quote?", "what does the quote say?", "what does the quote contain?", "where does the quote come from?", "who signs a quote?", "what parts does a quote have?", "how do i read a quote?", "is a quote signed?", "what does a quote prove?",
        "~what things are in a quote?", "~who is it that signs a quote?", "~what would i find inside a tdx quote?",
    ], weight=1.5),
    _topic("enclave", ["an enclave", "an enclave", "+enclaves", "the enclave", "enclave", "a secure enclave"],
        "An enclave is the protected place where code runs inside a TEE. In Bauta it opens your prompt, runs the model, seals the answer and signs a receipt.", [
        "what does the enclave do?", "what does the enclave do with my {prompt|message}?", "what happens in the enclave?", "what happens inside the enclave?", "what is inside the enclave?", "what runs in the enclave?", "why is there an enclave?", "what is the job of the enclave?", "where is my prompt {opened|decrypted}?", "who decrypts my {prompt|message}?", "who opens my {prompt|message}?", "where is the prompt opened?",
        "~what happens to my prompt inside the enclave?", "~what is running inside the enclave?", "~which part decrypts my prompt?",
    ], weight=1.5),
    _topic("measurement", ["a measurement", "+measurements", "+measurements", "the measurements", "measurement", "+tdx measurements"],
        "A measurement is a hash of what was loaded: firmware, kernel, configuration. If any of it changes, the hash changes too, and a verifier sees it.", [
        "what is measured?", "what gets measured?", "who measures?", "how is code measured?", "how are measurements made?", "what do you measure?", "what happens if the code {changes|is changed}?", "how does one see that the code was changed?", "how is a change of the code noticed?", "what if someone changes the {code|firmware|kernel}?", "why measure the code?", "what is measured boot?", "how is the firmware measured?", "can code be changed without notice?",
        "~what things are measured?", "~how would a change in the code be noticed?", "~what if somebody modifies the firmware?",
    ], weight=1.5),
    _topic("nonce", ["a nonce", "a nonce", "+nonces", "the nonce", "nonce", "a fresh nonce"],
        "A nonce is a random number that is used once. The client sends a fresh one and looks for it in the quote, so an old quote cannot be replayed.", [
        "why is the nonce random?", "why is the nonce fresh?", "why must the nonce be fresh?", "who makes the nonce?", "who chooses the nonce?", "how long is the nonce?", "how many bytes is the nonce?", "why send a random number?", "how is an old quote {noticed|refused|detected}?", "can an old quote be {used again|reused|replayed}?", "what is freshness?", "how do i know that the quote is {fresh|new}?", "what is a replay attack?", "what is a replay?", "how do you prevent replay?", "how are replay attacks prevented?", "what stops someone from replaying an old quote?", "does a nonce stop replay attacks?", "where does the nonce go?", "why a random nonce?",
        "~who picks the nonce?", "~how do you know a quote is not old?", "~what prevents the replay of a quote?", "~why does the client send a nonce?",
    ], weight=1.5),
    _topic("evidence", ["evidence", "the evidence", "attestation evidence"],
        "Evidence is what the attester sends to be judged: its quote, and reports of GPUs where it has them. It proves nothing until someone verifies it.", [
        "what is the evidence made of?", "what counts as evidence?", "who sends the evidence?", "what is in the evidence?", "which evidence does the enclave send?", "what evidence does an enclave give?", "is evidence proof?",
        "~what is part of the evidence?", "~what sort of evidence does the attester send?",
    ]),
    _topic("endorsements", ["+endorsements", "collateral", "collateral", "the collateral", "intel collateral", "an endorsement", "intel's collateral"],
        "Endorsements, also called collateral, are what the hardware maker signs about its platforms: TCB information, identities and revocation lists. A verifier needs them to judge a quote.", [
        "what is in the collateral?", "who signs the collateral?", "where does the collateral come from?", "what is tcb info?", "what is qe identity?", "what is a pcs?", "what is the pcs?", "what is a pccs?", "what does intel sign about its platforms?", "which files come from intel?",
        "~what does the collateral contain?", "~who makes the endorsements?", "~what sort of collateral is needed for a quote?",
    ]),
    _topic("reference", ["+reference values", "+reference values", "a reference value", "+expected values", "+golden values", "+golden measurements", "+expected measurements"],
        "Reference values are the measurements that you expect, for example of a build that you reviewed. They stand in a policy, and an enclave must match them.", [
        "what are measurements compared with?", "what do i compare the measurements with?", "where do the expected measurements come from?", "who sets the reference values?", "where do reference values come from?", "how do i know which measurements are right?", "how do i know the right measurements?", "which measurements are good?", "where do i find the right measurements?",
        "~to what are measurements compared?", "~who decides about the reference values?", "~how would i know which measurements to expect?",
    ]),
    _topic("result", ["an attestation result", "+attestation results", "appraisal", "an appraisal", "appraise", "the attestation result"],
        "An attestation result is a list of checks. Each one passed, failed or was not made, and says why; a check that was not made never counts as passed.", [
        "what is the result of an attestation?", "what does the result {say|show|contain}?", "what is a check?", "what checks are there?", "which checks are made?", "what are the checks?", "how many checks are there?", "what does not-checked mean?", "what does not checked mean?", "what if a check was not made?", "what is a failed check?", "what does pass mean?", "how do i read the result?", "what does the result of verification look like?", "which checks did pass?",
        "~what does it mean if a check was not made?", "~how is an attestation result read?", "~what do the checks say?",
    ]),
    _topic("verifier", ["a verifier", "the verifier", "+verifiers", "a relying party", "the relying party", "verifier"],
        "The verifier judges the evidence, and the relying party acts on the result. In Bauta your client is both, so nobody else has to be believed.", [
        "who verifies?", "who verifies the quote?", "who checks the quote?", "who checks the evidence?", "who does the verification?", "where is the quote checked?", "where does verification happen?", "does the server verify itself?", "who verifies the enclave?", "who checks the enclave?", "who judges the evidence?",
        "~who is it that checks the quote?", "~where is the evidence verified?", "~which party does the verification?",
    ]),
    _topic("attester", ["an attester", "the attester", "+attesters"],
        "The attester is the machine that proves itself by sending evidence. In Bauta that is the enclave.", [
        "who attests?", "which party attests?", "who is attesting?", "who is the attester in bauta?", "which part of bauta is the attester?", "who has to prove itself?",
        "~which machine is the attester?", "~what party has to attest?",
    ]),
    _topic("rats", ["rats", "rfc 9334", "the rats architecture", "rats architecture"],
        "RATS is the IETF's architecture for remote attestation, RFC 9334. It names the roles: attester, verifier and relying party, with evidence, endorsements and reference values.", [
        "which rfc is about attestation?", "what standard describes attestation?", "which standard is there for attestation?", "what are the roles in attestation?", "what roles are there in rats?", "is there a standard for remote attestation?", "which words come from rats?",
        "~which rfc describes remote attestation?", "~what are the roles of rats?", "~is there an rfc for attestation?",
    ]),
    _topic("tdx", ["intel tdx", "tdx", "tdx", "trust domain extensions", "intel trust domain extensions", "a trust domain", "a td", "a tdx vm"],
        "Intel TDX runs a whole virtual machine as a TEE. Its memory is encrypted, the host cannot read it, and its quotes are signed under Intel's root.", [
        "what does tdx stand for?", "what does tdx protect?", "which cpus have tdx?", "what can tdx do?", "which intel technology is used?", "which tee does bauta use?", "which tee technology do you use?", "what hardware does bauta verify?", "does bauta support {tdx|intel tdx|intel}?", "do you support {tdx|intel tdx}?", "which tees are supported?", "which tees does bauta support?",
        "~what is the meaning of tdx?", "~which tee hardware does bauta support?", "~what is tdx able to do?",
    ], weight=1.3),
    _topic("sgx", ["intel sgx", "sgx", "sgx", "software guard extensions"],
        "Intel SGX protects an enclave within one process, while TDX protects a whole virtual machine. An SGX enclave of Intel's signs TDX quotes.", [
        "what is the difference between sgx and tdx?", "sgx vs tdx", "tdx vs sgx", "sgx or tdx?", "how is tdx different from sgx?", "is sgx the same as tdx?", "does bauta use sgx?", "do you support sgx?", "what is a quoting enclave?", "what is the quoting enclave?", "what is a qe?", "compare sgx and tdx", "what does sgx stand for?",
        "~how do sgx and tdx differ?", "~what's the difference between tdx and sgx?", "~does bauta support sgx?",
    ]),
    _topic("sev", ["amd sev", "sev-snp", "amd sev-snp", "sev", "sev snp"],
        "AMD SEV-SNP is AMD's technology for confidential virtual machines, comparable to Intel TDX. Bauta verifies Intel TDX.", [
        "does bauta support {amd|sev|sev-snp|amd sev}?", "do you support {amd|sev|sev-snp}?", "what about amd?", "does it work on amd?", "can i use an amd cpu?", "sev vs tdx", "tdx vs sev", "what is the difference between sev and tdx?", "is amd supported?", "amd or intel?", "what is amd's tee?",
        "~is sev-snp supported by bauta?", "~how do tdx and sev differ?", "~could i use amd instead of intel?",
    ]),
    _topic("gpu", ["a confidential gpu", "+confidential gpus", "nvidia confidential computing", "gpu attestation", "gpu evidence", "a gpu report", "the h100"],
        "A confidential GPU, such as NVIDIA's H100, keeps data protected while it computes and signs reports about itself. No vendor offers a proof yet that it sits in the same machine as the TEE.", [
        "are gpus protected too?", "can a gpu be {confidential|attested|a tee|trusted}?", "what about the gpu?", "what about gpus?", "is the gpu attested?", "is the gpu {safe|secure|protected}?", "how is a gpu attested?", "do gpus have tees?", "what does nvidia do?", "does nvidia have a tee?", "is the gpu bound to the cpu?", "how do i know the gpu is in the same machine?", "is there a tee for gpus?", "what role does nvidia play?",
        "~how can a gpu be attested?", "~is it proven that the gpu is in the same machine?", "~does the gpu have a tee too?",
    ]),
    _topic("mrtd", ["mrtd", "mrtd", "the mrtd", "an mrtd"],
        "MRTD is the TDX measurement of what the virtual machine starts with, mostly its firmware. It is fixed before the machine runs.", [
        "what does mrtd measure?", "what is in mrtd?", "when is mrtd fixed?", "which measurement covers the firmware?", "which register holds the firmware measurement?", "mrtd vs rtmr", "what is the difference between mrtd and rtmr?",
        "~what is measured in mrtd?", "~which register has the firmware's measurement?",
    ]),
    _topic("rtmr", ["+rtmrs", "an rtmr", "rtmr", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "+runtime measurement registers"],
        "RTMR0 to RTMR3 are four TDX registers that grow while the machine boots and runs. Each event is hashed into one, so its history cannot be taken back.", [
        "how many rtmrs are there?", "what is in rtmr{0|1|2|3}?", "what do rtmrs hold?", "how is an rtmr extended?", "what does extend mean?", "how are rtmrs extended?", "which registers does tdx have?", "what are the four registers?", "what does rtmr stand for?", "what is measured while the machine boots?",
        "~what do the rtmrs contain?", "~how does one extend an rtmr?", "~what is stored in rtmr{0|1|2|3}?",
    ]),
    _topic("eventlog", ["an event log", "the event log", "event log", "+event logs"],
        "The event log lists what was hashed into the RTMRs. Replaying it must give the registers of the quote, else the log is not true.", [
        "how is the event log checked?", "what is in the event log?", "what is an event in the log?", "how do i replay the event log?", "what does replaying the log mean?", "why replay the event log?", "what does the event log contain?", "can the event log lie?", "how do i know that the event log is true?",
        "~what does it mean to replay an event log?", "~what would i find in the event log?", "~how can one check the event log?",
    ]),
    _topic("reportdata", ["report data", "reportdata", "reportdata", "the report data"],
        "Report data is 64 bytes that the enclave chooses for its quote. In Bauta they are the address of the model key, zeros and your nonce, so the quote is bound to both.", [
        "what is in the report data?", "what is in reportdata?", "what are the 64 bytes?", "how is the key bound to the quote?", "how is the key bound?", "how is the nonce bound to the quote?", "how do i know that the key belongs to the enclave?", "how do i know the key is the enclave's?", "what binds the key to the quote?", "what is key binding?", "what binds key and quote?", "how is the model key proven?", "how long is reportdata?",
        "~what do the 64 bytes of report data hold?", "~how does the quote prove the key?", "~how can i tell that a key belongs to the enclave?",
    ]),
    _topic("root", ["a root of trust", "the root of trust", "root of trust", "intel's root", "the intel root ca", "a certificate chain", "the certificate chain", "a pck certificate", "pck", "the pck chain"],
        "The root of trust is a certificate of the hardware maker that the verifier knows beforehand. A quote's signature must lead to it through a chain of certificates.", [
        "who do i trust in the end?", "where does the trust come from?", "where does trust begin?", "how does the signature lead to intel?", "how do i know the hardware is {real|genuine}?", "how do i know that the tee is {real|genuine}?", "how is genuine hardware recognised?", "how do i know it is a real intel cpu?", "can someone fake a quote?", "can a quote be {faked|forged}?", "could an attacker forge a quote?", "can the attestation be faked?", "which certificates are there?", "what does the chain lead to?", "what if someone fakes the quote?", "is the quote real?",
        "~could somebody fake a quote?", "~how can i tell that the hardware is genuine?", "~what certificate does the chain end at?",
    ], weight=1.3),
    _topic("crl", ["a crl", "+crls", "a revocation list", "+revocation lists", "revocation", "a certificate revocation list"],
        "A revocation list names certificates that must no longer be trusted. It is signed too, and a missing, expired or unsigned one must count as a failure.", [
        "what if a certificate is revoked?", "how are keys revoked?", "what happens when a key leaks at intel?", "how is a stolen certificate stopped?", "what does revoked mean?", "how do i know that a certificate is not revoked?", "are revocation lists signed?",
        "~what happens with a revoked certificate?", "~how can a certificate be revoked?", "~what does it mean that a platform is revoked?",
    ]),
    _topic("tcb", ["the tcb", "a tcb", "tcb", "tcb status", "a tcb level", "the tcb status", "the trusted computing base"],
        "The TCB, or trusted computing base, is all that must work for security to hold. Its status says whether a platform's firmware and microcode are up to date.", [
        "what does tcb stand for?", "what does outofdate mean?", "what does out of date mean?", "what does uptodate mean?", "is the platform up to date?", "what if the firmware is old?", "what if the platform is out of date?", "what happens with old firmware?", "what is a tcb recovery?", "how is old microcode noticed?", "which tcb statuses are there?",
        "~what happens if the firmware is out of date?", "~what does the tcb status say?", "~what do the letters tcb mean?",
    ]),
    _topic("debug", ["debug mode", "a debug enclave", "debug", "the debug flag", "the debug bit"],
        "In debug mode the host can read a TEE's memory. A quote says whether it was on, and a client must refuse it.", [
        "what if debug is on?", "what if the enclave is in debug mode?", "why is debug mode refused?", "can a tee be debugged?", "is debug allowed?", "is debug mode {safe|dangerous|allowed|ok}?", "how do i see that debug is on?", "can the host debug the enclave?",
        "~what happens if debug mode is on?", "~is it safe to allow debug mode?", "~why must a client refuse debug?",
    ]),
    _topic("limits", ["side channels", "+side channels", "+the limits of tees", "+attacks on tees", "+physical attacks", "a side channel"],
        "TEEs have limits: bugs in hardware or firmware, side channels and physical attacks have broken some. They also don't make the code inside good, they only show which code it is.", [
        "what are the {limits|weaknesses|problems|risks|downsides} of {tees|a tee|confidential computing|attestation}?", "can a tee be {hacked|broken|attacked|cracked}?", "are tees {perfect|unbreakable|really safe|really secure|100% secure}?", "is a tee {perfect|unbreakable|100% safe}?", "have tees been {broken|hacked|attacked}?", "what can go wrong with a tee?", "what does a tee not protect against?", "what can a tee not do?", "what attacks are there on tees?", "how can a tee be attacked?", "is confidential computing {perfect|unbreakable}?", "can hackers break into an enclave?", "can an enclave be hacked?", "which attacks work against tees?", "should i trust tees?", "can i trust a tee?",
        "~what are the known weaknesses of tees?", "~could someone hack a tee?", "~what does a tee not protect from?", "~has any tee been broken?",
    ], weight=1.3),
    _topic("hash", ["a hash", "a hash function", "hashing", "+hashes", "sha-256", "sha256", "sha-384", "hash"],
        "A hash is a short fingerprint of data: change one bit and it is quite different. Bauta uses hashes such as SHA-256 in measurements and receipts.", [
        "what is a fingerprint of data?", "which hash does bauta use?", "which hash function is used?", "which hashes are used?", "can two files have the same hash?", "can a hash be reversed?",
        "~which hash functions does bauta use?", "~what is meant by a fingerprint of data?",
    ]),
    _topic("signature", ["a digital signature", "a signature", "+digital signatures", "+signatures", "signature", "ecdsa"],
        "A digital signature proves who made a message and that nobody changed it. Whoever has the public key can check it; only the holder of the private key can make it.", [
        "how does signing work?", "how do i check a signature?", "how are signatures checked?", "what does signed mean?", "what is a public key?", "what is a private key?", "what are public and private keys?", "what is the difference between public and private keys?", "what is public key cryptography?", "who can make a signature?",
        "~how is a signature verified?", "~what does it mean to sign something?", "~what's the difference between a private and a public key?",
    ]),
    _topic("host", ["the host", "the hypervisor", "a hypervisor", "the cloud provider", "the operator"],
        "The host, its hypervisor and its operator are outside the TEE. They can stop it or cut it off, but they cannot read its memory or change its code unnoticed.", [
        "can the host read {the memory|my data|the memory of the tee|my prompt}?", "can the cloud provider {see|read} {my data|my prompts|my messages|it}?", "can the {operator|admin|administrator|owner|hoster} of the {server|machine|host} {see|read} {my data|my prompts|my messages|the chat}?", "can the hypervisor {see|read} {memory|my data|my prompts}?", "what can the host do?", "what can the operator {do|see}?", "what can the cloud provider {do|see}?", "can {root|an admin|the administrator|aws|google|azure|a sysadmin} read {my prompts|my data|the memory}?", "do i have to trust the cloud?", "do i have to trust the {host|cloud provider|operator|admin}?", "can the server's owner read my prompts?", "can employees read my {chats|messages|prompts}?", "what could a malicious operator do?",
        "~is the cloud provider able to read my data?", "~could an admin of the server read my prompts?", "~what is the operator able to see?", "~can the owner of the host see the memory?",
    ], weight=1.5),
    _topic("intel", ["intel", "the role of intel", "intel's role"],
        "Intel makes the hardware and signs its certificates, so you must trust Intel for genuine chips. It sees none of your messages.", [
        "does intel see my {data|messages|prompts}?", "can intel {read|see} my {data|messages|prompts}?", "do i have to trust intel?", "must i trust intel?", "why trust intel?", "why should i trust intel?", "what does intel do?", "what does intel know about me?", "what if intel lies?", "what if intel is hacked?", "can intel break it?", "is intel able to read this?", "does my data go to intel?", "do you send data to intel?",
        "~is my data seen by intel?", "~could intel read my messages?", "~what has intel to do with it?", "~why would i trust intel?",
    ]),
    _topic("dstack", ["dstack", "dstack", "a dstack app"],
        "dstack is open-source software that runs containers in TDX virtual machines. It measures which containers were started, as a compose hash.", [
        "who makes dstack?", "does bauta use dstack?", "why dstack?", "do i need dstack?", "what does dstack do?", "what does dstack measure?", "how do i run containers in a tee?", "how can i run docker in a tee?", "can i run containers in tdx?",
        "~how would i run containers in tdx?", "~what is dstack used for?", "~is dstack needed for bauta?",
    ]),
    _topic("compose", ["a compose hash", "the compose hash", "compose hash", "the compose file", "app compose"],
        "The compose hash is the SHA-256 of the document that says which containers a dstack machine starts. It shows whether the expected ones were started.", [
        "how do i know which containers run?", "which containers were started?", "what is hashed into the compose hash?", "how are containers measured?", "what does the compose hash prove?", "how do i check the containers?", "what hash covers the containers?",
        "~how can i know what containers were started?", "~what does the compose hash show?", "~what document is hashed in the compose hash?",
    ]),
]
