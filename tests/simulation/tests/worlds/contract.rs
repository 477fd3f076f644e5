//! The models and the local emulator satisfy the same contract.

use local::{MiniStack, Project, Settings, Tools};
use simulation::{
    chance::Chance,
    clockwork,
    cloud::Cloud,
    contract::{Services, bucket, queues, tables},
    fault,
    wire::{ENDPOINT, Process, Wire},
};

async fn check_shared_contract(services: &Services) {
    queues::hide_and_return(services).await;
    queues::extend_visibility(services).await;
    queues::delete_message(services).await;
    queues::move_to_dlq(services).await;
    queues::answer_batch_entries(services).await;
    bucket::put_once(services).await;
    bucket::refuse_wrong_checksum(services).await;
    bucket::complete_once(services).await;
    bucket::abort_upload(services).await;
    tables::claim_item(services).await;
    tables::query_index(services).await;
}

#[test]
fn the_models_keep_the_contract() {
    clockwork::run_in_virtual_time(async {
        let cloud = Cloud::start(Chance::from_seed(0), fault::no_faults(), 0).expect("a cloud");
        let wire = Wire::http_client(&cloud, &Process::new("contract", 0));
        let services = Services::connect(ENDPOINT, Some(wire));
        check_shared_contract(&services).await;
        queues::redrive_from_dlq(&services).await;
        queues::limit_visibility(&services).await;
    });
}

#[tokio::test]
async fn the_emulator_keeps_the_contract() {
    let project = Project::find().expect("the project");
    let tools = Tools::find(&project).expect("the tools");
    let folder = project.local_folder("tests/contract").expect("a folder");
    let ministack =
        MiniStack::start(&tools, &Settings::in_folder(folder)).await.expect("MiniStack");
    let endpoint = ministack.endpoint().url();
    check_shared_contract(&Services::connect(&endpoint, None)).await;
    ministack.stop().expect("it ends");
}
