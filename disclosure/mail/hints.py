"""What robots and people both say: it takes two kinds of it to make a robot, and that robot is always unsure.

RECEIPT: a ticket system thanks, says that the mail arrived, promises an answer, gives a number. ABSENCE: somebody is
away, until some day, and names a way round. WORK is what only people say: that somebody does something now, or asks.
Folded as in phrases.py; a space at either end is a word's edge.
"""

from __future__ import annotations

from disclosure.mail.phrases import listed, says

RECEIPT = (
    listed(
        """
        have received your | got your | confirms that we | confirm receipt | is enregistree |
        est enregistree | est enregistre | a ete prise en charge | ete ouvert | was opened | been opened |
        was created | bestatigen den eingang | wurde registriert | wurde erfasst | recepcion de su |
        se ha registrado | queda registrad | fue recibido | 受付 | 承りました | pris connaissance de votre |
        vous confirmons la reception | confirmons la bonne reception | has been received | received your |
        bien recu | bien parvenu | nous est parvenu | a ete transmis | accusons reception |
        accuse reception | ete enregistre | been logged | been registered | been forwarded to | haben ihre |
        ist bei uns eingegangen | eingang ihrer | erhalten | hemos recibido | ha sido recibido |
        recibido su | 受信いたしました | 受領いたしました | 受け取りました | 拝受 | 届きました |
        acknowledge receipt
        """
    ),
    listed(
        """
        will get back | will review | will look into it | will follow up | get back to you |
        reach out to you | review it soon | is important to us | our team will | an agent | in the order |
        response time | recontacter | vous contactera | recontactera | tres prochainement | prochainement |
        un agent | notre equipe vous | nos equipes | dans l'ordre | traitement de votre | suivez | portail |
        portal | reihenfolge | bearbeiten sie | kummert sich | setzt sich mit ihnen | in kurze |
        in verbindung setzen | revisara | contactara | un agente | nuestro equipo | a la mayor brevedad |
        担当者 | 確認のうえ | 順次 | お待ちください | しばらくお待ち | will reply | will respond |
        will be in touch | will contact you | as soon as possible | shortly | within 24 | within 48 |
        working days | business days | sera pris | sera traite | seront traite | vous parviendra |
        vous sera apportee | nous le traiterons | vous repondrons | vous repondra | reviendrons vers vous |
        des que possible | dans les meilleurs delais | dans les plus brefs | sous 24 | sous 48 |
        jours ouvres | melden | schnellstmoglich | baldmoglichst | werktag | so schnell wie moglich |
        nos pondremos | responderemos | le contactaremos | en breve | lo antes posible | dias habiles |
        営業日 | 回答いたします | 返信いたします | ご連絡いたします | ご返答
        """
    ),
    listed(
        """
        thank you for your | thank you for getting in touch | thanks for writing | thank you for writing |
        nous avoir ecrit | danke, dass sie | wir danken | agradecemos | le agradecemos | thanks for your |
        thank you for contacting | thanks for contacting | thanks for reaching | merci pour votre |
        merci de votre | vous remercions | merci de nous avoir | vielen dank fur | danke fur ihre |
        gracias por | お問い合わせ | ありがとうございます
        """
    ),
    listed(
        """
        ticket | case number | case id | case 0 | case # | enquiry | inquiry | requete n | demande n |
        dossier n | n° de suivi | aktenzeichen | fallnummer | caso n | reference: | your reference |
        reference number | with reference | sous la reference | sous le numero | numero de dossier |
        vorgangsnummer | bearbeitungsnummer | numero de caso | numero de referencia | 番号
        """
    ),
)

AWAY = listed(
    """
    absent | ooo | hors du bureau | hors bureau | en mission | conge maladie | pas au bureau | parti en |
    en seminaire | away until | away on | on pto | pto until | off work | off sick | out sick | out today |
    out until | out this week | on a business trip | at a conference | ausser haus | ausserhaus |
    nicht im buro | nicht am arbeitsplatz | krank | in elternzeit | im mutterschutz | auf dienst |
    no me encuentro | no me encontrare | no estoy | fuera de oficina | de permiso | de viaje | 外出 | 終日 |
    離席 | 休み | absence | en conge | en vacances | rtt | arret maladie | en deplacement | indisponible |
    en formation | travelling | traveling | on leave | on vacation | on holiday | annual leave |
    sick leave | out of office | out of the office | away from | not available | unavailable |
    not in the office | urlaub | abwesen | dienstreise | elternzeit | erkrankt | nicht im haus |
    auf reisen | no estare | estoy de viaje | vacaciones | ausente | de baja | fuera de la oficina | 不在 |
    休暇 | 席を外し | 出張 | お休み
    """
)
ROUND = listed(
    """
    jusqu'au | du 1 | du 2 | inclus | est absent | dans l'intervalle | delai de reponse | repondrai |
    lirai | back from | until monday | through | ping | reach out to | for anything | anything urgent |
    in the meantime | vom | in der zeit | erreichen sie | antworte | en la oficina | al volver | 遅れ |
    ご了承 | 以降 | jusqu'a | de retour | retour le | retour lundi | retour mardi | retour mercredi |
    retour jeudi | retour vendredi | a compter du | until | returning | return on | back on | back in |
    this week | next week | bis zum | bis einschl | urlaub bis | ab dem | zuruck | wieder | hasta |
    regreso | regresare | vuelvo | まで | 後ほど | 戻り | intermittent | limited access | email access |
    access to my email | access to email | ne peux repondre | ne pourrai repondre | ne consulte pas |
    not be checking | not checking | cannot reply | nicht gelesen | nicht weitergeleitet |
    en cas d'urgence | urgence | urgent | dringend | 緊急 | お急ぎ | veuillez contacter |
    merci de contacter | please contact | wenden sie sich | contacte con | contactar a
    """
)

WORK = listed(
    """
    send me | yes, | taking it | took it | abgeschaltet | behoben | gefixt | je l'ai | on s'en occupe |
    nous avons ferme | par mes soins | mon collegue | my colleague | mein kollege | meine kollegin |
    use ref | call you | vous appellera | will discuss | en parle | das ist unser | this is our |
    c'est notre | reading mail | prenons contact | we disabled | i have forwarded | i've forwarded |
    i forwarded | i have passed | i've passed | i passed | i will look | i'll look | i am looking |
    i'm looking | we are looking | we're looking | we have fixed | we fixed | we will fix | could you |
    can you | please send | please call | let me | i checked | we have taken | we are investigating |
    we have identified | i was on leave | i was away | i was out | i am the | i'm the | my name is |
    i just saw | we can confirm | i confirm | we confirm | our dpo | our ciso | sorry for the delay |
    not interested | who are you | i've just | call me | je transmets | j'ai transmis | je fais suivre |
    j'ai fait suivre | pouvez-vous | pourriez-vous | je suis le responsable | je suis la responsable |
    je suis le rssi | je suis le dpo | nous avons corrige | nous regardons | nous avons identifie |
    nous avons pris | je reviens vers vous | j'etais | je vous confirme | nous vous confirmons |
    je m'en occupe | je regarde | nous analysons | je prends contact | je prends en charge |
    je prends note | j'ai bien recu | qui etes-vous |
    appelez-moi | j'accuse | nous avons coupe | c'est corrige | merci de m'envoyer | merci de nous envoyer |
    envoyez- | ich habe ihre | ich habe sie | ich habe es | ich habe das | ich habe den | ich leite |
    konnen sie | konnten sie | wir haben das problem | wir haben den | wir prufen | ich war | ich kummere |
    ich bin der | ich bin die | bitte senden | bitte rufen | wer sind sie | he reenviado | puede enviar |
    podria | puede usted | lo estamos | estamos revisando | hemos corregido | soy el | soy la |
    estaba de vacaciones | 確認いたします | 転送しました | 転送いたしました | 教えてください |
    お送りください | 修正しました | 対応しました | 調査しています | でしょうか
    """
)


def receipt(said: str) -> int:
    """How many kinds of a receipt's words stand in folded ``said``: 0…4."""
    return sum(says(said, group) > 0 for group in RECEIPT)


def absence(said: str) -> int:
    """1: somebody is away; 2: and says until when, or whom to ask."""
    away = says(said, AWAY) > 0
    return away + (away and says(said, ROUND) > 0)
